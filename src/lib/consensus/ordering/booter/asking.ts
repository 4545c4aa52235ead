/** What the Booter asks of members: Statuses (R14), votes on its Next and on its OrderCommit, and bodies that it lacks (R12). */
import type { OrderCertificate } from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import { Kind } from '../../statement.ts';
import type { Chain } from '../chain.ts';
import { statusRequestStatement } from '../status.ts';
import type { BooterEffects } from './booter-effects.ts';
import type { Electorate } from './electorate.ts';
import type { Collecting, Order } from './stage.ts';

export class Asking {
	readonly #chain: Chain;
	readonly #electorate: Pick<Electorate, 'recoveries'>;
	/** The last proof, which rides on the next Next. */
	finality: OrderCertificate | null = null;

	constructor(chain: Chain, electorate: Pick<Electorate, 'recoveries'>) {
		this.#chain = chain;
		this.#electorate = electorate;
	}

	statuses({ ballot }: Collecting, to: string[], effects: BooterEffects): void {
		if (to.length === 0) return;
		effects.votes.push({ statement: statusRequestStatement(ballot, this.#chain.head.height + 1), to });
	}

	/** R20: what the log has, and nothing before. */
	votes(order: Order, to: string[], effects: BooterEffects): void {
		if (to.length === 0 || !order.isRecorded) return;
		const { ballot, content, contentBytes, execution, statuses, lock, orderCommit } = order;
		const previous = this.finality ?? undefined;
		const recoveries = this.#electorate.recoveries(order.without);
		effects.votes.push({
			statement: {
				kind: Kind.NEXT,
				partition: 0,
				epoch: 0,
				view: ballot.term,
				attempt: ballot.attempt,
				slot: content.height,
				digest: execution.contentDigest
			},
			payload: contentBytes,
			to,
			packet: (signed) => ({
				case: 'next',
				value: { $typeName: 'tabwave.v1.Next', signed, previous, statuses, lock, recoveries }
			})
		});
		if (!orderCommit) return;
		for (const peer of to)
			effects.send.push({ to: peer, packet: { case: 'orderCommit', value: orderCommit } });
	}

	body(blockId: Uint8Array, view: number, to: string[], effects: BooterEffects): void {
		for (const peer of to)
			effects.send.push({
				to: peer,
				packet: {
					case: 'certifiedBlockRequest',
					value: { $typeName: 'tabwave.v1.CertifiedBlockRequest', blockId, view }
				}
			});
	}
}
