import { create } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { fromHex } from '../../crypto/hex.ts';
import { BlockCertificateSchema, SignedSchema } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { BooterWatch, type BooterView } from './booter-watch.ts';
import { passableHeights } from './complaint.ts';

const PATIENCE_MS = 100;
const REPEAT_MS = 50;
const ROUNDS = 4;
const BOOTER = 'ab'.repeat(32);
let watch: BooterWatch;
let view: BooterView;

const certificate = (fill: number) =>
	create(BlockCertificateSchema, { blockId: new Uint8Array(32).fill(fill) });

beforeEach(() => {
	watch = new BooterWatch({ patienceMs: PATIENCE_MS, repeatMs: REPEAT_MS, maxRoundsInFlight: ROUNDS });
	view = {
		booter: BOOTER,
		finalHeight: 10,
		activePartitions: 2,
		isOrderOpen: false,
		waiting: null,
		equivocation: null
	};
});

const look = (fields: Partial<BooterView>, nowMs: number) =>
	watch.look({ ...view, ...fields }, nowMs)?.name ?? null;

describe('a stall', () => {
	it('is work that waits while the head stands, for longer than patience', () => {
		expect(look({ waiting: certificate(1) }, 0)).toBeNull();
		expect(look({ waiting: certificate(1) }, PATIENCE_MS - 1)).toBeNull();
		expect(look({ waiting: certificate(1) }, PATIENCE_MS)).toBe('BooterStalls');
		const { grievance } = watch;
		expect(grievance).toEqual({
			name: 'BooterStalls',
			booter: BOOTER,
			waiting: certificate(1),
			sinceHeight: 10,
			nexts: []
		});
	});

	it('is an open order that does not end, too', () => {
		look({ isOrderOpen: true }, 0);
		expect(look({ isOrderOpen: true }, PATIENCE_MS)).toBe('BooterStalls');
	});

	it('is none while nothing waits, or the head moves', () => {
		look({}, 0);
		expect(look({}, 10 * PATIENCE_MS)).toBeNull();
		look({ isOrderOpen: true, finalHeight: 11 }, 1000);
		expect(look({ isOrderOpen: true, finalHeight: 12 }, 1000 + PATIENCE_MS)).toBeNull();
		// Work that is done and work that comes later are two waits.
		look({ finalHeight: 12 }, 1200);
		expect(look({ isOrderOpen: true, finalHeight: 12 }, 1500)).toBeNull();
	});

	it('is complained of when it is new, and again at intervals, and no more when it is over', () => {
		look({ isOrderOpen: true }, 0);
		expect(look({ isOrderOpen: true }, 100)).toBe('BooterStalls');
		expect(look({ isOrderOpen: true }, 149)).toBeNull();
		expect(watch.grievance?.name).toBe('BooterStalls');
		expect(look({ isOrderOpen: true }, 150)).toBe('BooterStalls');
		expect(look({ isOrderOpen: true, finalHeight: 11 }, 160)).toBeNull();
		expect(watch.grievance).toBeNull();
	});
});

describe('censoring', () => {
	const passed = passableHeights(2, ROUNDS);

	it("is one block that waits while more of the others' pass it by than an honest Booter may take first", () => {
		look({ waiting: certificate(1) }, 0);
		expect(look({ waiting: certificate(1), finalHeight: 10 + passed }, PATIENCE_MS)).toBeNull();
		expect(look({ waiting: certificate(1), finalHeight: 11 + passed }, PATIENCE_MS + 1)).toBe(
			'BooterCensors'
		);
		expect(watch.grievance).toMatchObject({ sinceHeight: 10, waiting: { blockId: certificate(1).blockId } });
	});

	it('shows the block, and since when it waits', () => {
		look({ waiting: certificate(1) }, 1000);
		look({ waiting: certificate(1), finalHeight: 1000 }, 1000 + PATIENCE_MS);
		expect(watch.grievance).toEqual({
			name: 'BooterCensors',
			booter: BOOTER,
			waiting: certificate(1),
			sinceHeight: 10,
			nexts: []
		});
	});

	it('is of a block: an order that is open is none, however many heights pass', () => {
		look({ isOrderOpen: true }, 0);
		expect(look({ isOrderOpen: true, finalHeight: 1000 }, PATIENCE_MS)).toBeNull();
	});

	it('takes time as well as heights: a burst of blocks proves nothing', () => {
		look({ waiting: certificate(1) }, 0);
		expect(look({ waiting: certificate(1), finalHeight: 1000 }, PATIENCE_MS - 1)).toBeNull();
		watch = new BooterWatch({ patienceMs: PATIENCE_MS, repeatMs: REPEAT_MS, maxRoundsInFlight: ROUNDS });
		look({ waiting: certificate(1) }, 5000);
		expect(look({ waiting: certificate(1), finalHeight: 1000 }, 5000 + PATIENCE_MS - 1)).toBeNull();
	});

	it('is of one block: the next one waits anew', () => {
		look({ waiting: certificate(1) }, 0);
		expect(look({ waiting: certificate(2), finalHeight: 1000 }, PATIENCE_MS)).toBeNull();
	});
});

describe('what is new', () => {
	it('is said at once: another thing, and the same of another Booter', () => {
		const other = 'cd'.repeat(32);
		look({ isOrderOpen: true }, 0);
		expect(look({ isOrderOpen: true }, 100)).toBe('BooterStalls');
		expect(look({ isOrderOpen: true, booter: other }, 101)).toBe('BooterStalls');
		expect(look({ isOrderOpen: true, booter: other }, 102)).toBeNull();
		const nexts = create(SignedSchema, { sender: fromHex(other) });
		const equivocation = { first: nexts, second: nexts };
		expect(look({ isOrderOpen: true, booter: other, equivocation }, 103)).toBe('BooterEquivocates');
	});
});

describe('equivocation', () => {
	const next = (sender = BOOTER) => create(SignedSchema, { sender: fromHex(sender) });

	it('is complained of at once, before anything else', () => {
		expect(look({ equivocation: { first: next(), second: next() } }, 0)).toBe('BooterEquivocates');
		expect(watch.grievance?.nexts).toHaveLength(2);
	});

	it('of a Booter that leads no more is not held against the one that does', () => {
		const other = next('cd'.repeat(32));
		expect(look({ equivocation: { first: other, second: other } }, 0)).toBeNull();
	});
});
