/** A nickname to accept with one tap: a quality and an animal, in the page's language. Not an identity: the key is. */

const ENGLISH = {
	first:
		'Amber Brisk Calm Clever Copper Coral Daring Gentle Golden Hazel Keen Lively Lunar Mellow Nimble Patient Quiet Rapid Silver Steady Swift Velvet Vivid Wise'.split(
			' '
		),
	second:
		'Badger Crane Dolphin Falcon Finch Fox Gecko Heron Ibex Jay Koala Lark Lynx Marten Newt Otter Owl Panda Puffin Robin Seal Swan Tern Wren'.split(
			' '
		),
	joint: ' '
};

const CHINESE = {
	first:
		'敏捷的 安静的 勇敢的 晨光 星河 远山 温和的 聪明的 金色的 银色的 青色的 耐心的 轻快的 沉稳的 活泼的 细心的 明亮的 自在的'.split(
			' '
		),
	second:
		'水獭 白鹭 云雀 松鼠 海豚 狐狸 猫头鹰 熊猫 羚羊 蜂鸟 雪豹 翠鸟 燕子 刺猬 海豹 仙鹤 知更鸟 小鹿'.split(
			' '
		),
	joint: ''
};

/** @param random gives [0, 1) */
export function suggestNickname(language: 'en' | 'zh', random: () => number = Math.random): string {
	const { first, second, joint } = language === 'zh' ? CHINESE : ENGLISH;
	return `${pick(first, random)}${joint}${pick(second, random)}`;
}

function pick(words: readonly string[], random: () => number): string {
	return words[Math.floor(random() * words.length)] ?? '';
}
