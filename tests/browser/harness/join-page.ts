/** Joining as a person does it: the page, the name, the button. */
import { expect } from '@playwright/test';
import type { Page } from '@playwright/test';
import { apiReady } from './tabs.ts';

export interface JoinedByPage {
	/** From the address in the bar to the role card of a voting member. */
	fromOpenMs: number;
	/** From the button to the role card. */
	fromButtonMs: number;
	role: string | null;
	partition: number;
}

/** Longer than the node's own limit for a join, so that its error is what a test shows. */
const JOIN_TIMEOUT_MS = 40_000;

/** Joins through /join; resolves when the role card says that this tab votes. */
export async function joinByPage(page: Page, nickname: string): Promise<JoinedByPage> {
	const openMs = performance.now();
	await page.goto('/join');
	await apiReady(page);
	await page.getByTestId('nickname').fill(nickname);
	const buttonMs = performance.now();
	await page.getByTestId('join-button').click();
	const card = page.getByTestId('role-card');
	await expect(card.or(page.getByTestId('join-error'))).toBeVisible({ timeout: JOIN_TIMEOUT_MS });
	await expect(page.getByTestId('join-error')).toHaveCount(0);
	await expect(card).toHaveAttribute('data-activity', 'voting', { timeout: JOIN_TIMEOUT_MS });
	const nowMs = performance.now();
	return {
		fromOpenMs: Math.round(nowMs - openMs),
		fromButtonMs: Math.round(nowMs - buttonMs),
		role: await card.getAttribute('data-role'),
		partition: Number(await card.getAttribute('data-partition'))
	};
}
