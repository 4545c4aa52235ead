/** Nicknames to suggest: short, friendly, and the same few words for every class. */

/**
 * @param locale BCP 47; every kind of Chinese gets Chinese words, all else English ones
 * @param random at least 0 and below 1
 */
export function suggestNickname(locale: string, random: () => number): string {
	const isChinese = /^zh\b/i.test(locale);
	const { first, second, between } = isChinese ? CHINESE : ENGLISH;
	return pick(first, random) + between + pick(second, random);
}

interface WordLists {
	first: readonly string[];
	second: readonly string[];
	between: string;
}

const CHINESE: WordLists = {
	first: [
		'勤快',
		'机灵',
		'安静',
		'勇敢',
		'开心',
		'好奇',
		'稳重',
		'敏捷',
		'温和',
		'明亮',
		'爽朗',
		'细心',
		'耐心',
		'热心',
		'活泼',
		'沉着'
	],
	second: [
		'松鼠',
		'水獭',
		'海豚',
		'燕子',
		'白鹭',
		'熊猫',
		'刺猬',
		'麋鹿',
		'喜鹊',
		'海龟',
		'雪豹',
		'云雀',
		'骆驼',
		'鲸鱼',
		'蜜蜂',
		'小鹿'
	],
	between: '的'
};

const ENGLISH: WordLists = {
	first: [
		'Brisk',
		'Calm',
		'Bright',
		'Brave',
		'Curious',
		'Gentle',
		'Jolly',
		'Keen',
		'Lucky',
		'Merry',
		'Nimble',
		'Patient',
		'Quick',
		'Quiet',
		'Steady',
		'Sunny'
	],
	second: [
		'Otter',
		'Heron',
		'Dolphin',
		'Swallow',
		'Panda',
		'Badger',
		'Magpie',
		'Turtle',
		'Lark',
		'Camel',
		'Whale',
		'Bee',
		'Fox',
		'Lynx',
		'Robin',
		'Moose'
	],
	between: ' '
};

function pick(words: readonly string[], random: () => number): string {
	return words[Math.floor(random() * words.length)]!;
}
