/** Copies text, also on plain http, where a page has no clipboard API. Resolves to whether it worked. */
export async function copyText(text: string): Promise<boolean> {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		// Not a secure context, or refused: the old way still works there after a click.
		return copyBySelection(text);
	}
}

function copyBySelection(text: string): boolean {
	const area = document.createElement('textarea');
	area.value = text;
	area.setAttribute('readonly', '');
	area.style.cssText = 'position:fixed;top:0;opacity:0';
	const active = document.activeElement;
	document.body.append(area);
	area.select();
	const done = document.execCommand('copy');
	area.remove();
	if (active instanceof HTMLElement) active.focus();
	return done;
}

/** Offers `text` as a file to save. */
export function saveFile(name: string, text: string, type = 'application/json'): void {
	const url = URL.createObjectURL(new Blob([text], { type }));
	const link = document.createElement('a');
	link.href = url;
	link.download = name;
	link.click();
	// The browser has read it once the click's task is over.
	setTimeout(() => URL.revokeObjectURL(url), 0);
}
