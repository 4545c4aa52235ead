/** The contract `transfer`: one function, `transfer`, that moves money from its sender. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { fromHex, toHex } from '../crypto/hex.ts';
import { TransferArgumentsSchema, TransferEventSchema } from '../wire/gen/tabwave/v1/contracts_pb.js';
import { Refused, type Contract } from './contract.ts';
import { readBalance } from './accounts.ts';
import { KEY_BYTES } from './transaction.ts';

export const transferContract: Contract = {
	name: 'transfer',
	functions: {
		transfer(context, args) {
			const { to, amount } = parse(args);
			context.accounts.transfer(context.sender, toHex(to), amount);
			context.emit(
				'Transferred',
				toBinary(
					TransferEventSchema,
					create(TransferEventSchema, { from: fromHex(context.sender), to, amount })
				)
			);
		}
	},
	accountsNamed(_function, args) {
		try {
			return [toHex(parse(args).to)];
		} catch {
			return []; // Unreadable arguments name nobody; the receipt says what is wrong with them.
		}
	},
	describeState: (key, value) =>
		describe(() => readBalance({ get: () => value }, key.slice(key.indexOf('/') + 1)).toString()),
	describeCall: (_function, args) => describe(() => describeTransfer(parse(args))),
	describeEvent: (_kind, data) => describe(() => describeTransfer(fromBinary(TransferEventSchema, data)))
};

export function transferArguments(to: Uint8Array, amount: bigint): Uint8Array {
	return toBinary(TransferArgumentsSchema, create(TransferArgumentsSchema, { to, amount }));
}

function parse(args: Uint8Array): { to: Uint8Array; amount: bigint } {
	let parsed: { to: Uint8Array; amount: bigint };
	try {
		parsed = fromBinary(TransferArgumentsSchema, args, { readUnknownFields: false });
	} catch {
		throw new Refused('MalformedArguments', 'the arguments are not those of a transfer');
	}
	if (parsed.to.length !== KEY_BYTES)
		throw new Refused('MalformedArguments', 'the recipient is not a key of 32 bytes');
	return parsed;
}

function describeTransfer(fields: { from?: Uint8Array; to: Uint8Array; amount: bigint }): unknown {
	return {
		...(fields.from && { from: toHex(fields.from) }),
		to: toHex(fields.to),
		amount: fields.amount.toString()
	};
}

function describe(read: () => unknown): unknown {
	try {
		return read();
	} catch {
		return null;
	}
}
