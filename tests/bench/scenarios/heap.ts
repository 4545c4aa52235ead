/** What a tab holds in memory while it trades: it must be flat. */
import { withNetwork } from '../bench-network.ts';
import { startLoad, stopLoad } from '../load.ts';
import { several, type Report } from '../report.ts';
import { tabMemory } from '../tab-probes.ts';

const SAMPLES = 6;
/** Of each tab: a steady trade, of which a tab is not the bottleneck. */
const OUTSTANDING = 50;
const MB = 1e6;

export function heap(report: Report, minutes: number): Promise<void> {
	const name = `heap, ${minutes} min of trading`;
	return withNetwork({ tabs: 4 }, async ({ context, pages }) => {
		await startLoad(pages, OUTSTANDING);
		const samples: { minute: number; height: number; pageMb: number; workerMb: number }[] = [];
		for (let i = 0; i <= SAMPLES; i++) {
			if (i > 0) await new Promise((resolve) => setTimeout(resolve, (minutes * 60_000) / SAMPLES));
			const { pageBytes, workerBytes } = await tabMemory(context, pages[0]!);
			const { height } = await pages[0]!.evaluate(() => tabwave.chain.head());
			samples.push({
				minute: (i * minutes) / SAMPLES,
				height,
				pageMb: pageBytes / MB,
				workerMb: workerBytes / MB
			});
		}
		const traded = await pages[0]!.evaluate(() => globalThis.benchLoad.done);
		await stopLoad(pages);
		report.details[name] = { samples, traded };
		const total = ({ pageMb, workerMb }: (typeof samples)[number]): number => pageMb + workerMb;
		const [middle, last] = [samples[SAMPLES / 2]!, samples.at(-1)!];
		report.add(name, 'at the end ÷ at half time', total(last) / total(middle), '', '1');
		report.add(name, 'of a tab at the end: page + worker', total(last), 'MB', '< 150');
		report.add(name, 'page / worker at the end', several([last.pageMb, last.workerMb], 1), 'MB');
		report.add(name, 'blocks in that time', last.height - samples[0]!.height, 'blocks');
	});
}
