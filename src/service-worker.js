// Where SvelteKit looks for it; the rest is typed and tested where it lives.
import '#lib/ui/site/shell-worker.ts';
