/**
 * The page's language as a rune. Paraglide's messages ask `getLocale()` on every call; here that call reads `$state`,
 * so a switch redraws every text in place. Nothing is reloaded or mounted again: the node of this tab keeps running.
 */
import { getLocale, overwriteGetLocale, setLocale, type Locale } from './paraglide/runtime.js';

let current = $state<Locale>(getLocale());
overwriteGetLocale(() => current);

export type { Locale };

export const locale = {
	get current(): Locale {
		return current;
	},
	/** BCP 47 tag for `lang` and `Intl`. */
	get tag(): string {
		return tagOf(current);
	},
	set(next: Locale): void {
		void setLocale(next, { reload: false });
		current = next;
		document.documentElement.lang = tagOf(next);
	}
};

function tagOf(language: Locale): string {
	return language === 'zh' ? 'zh-CN' : 'en';
}
