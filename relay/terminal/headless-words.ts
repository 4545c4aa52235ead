/** What a headless node says. Both languages always, as the relay does. */

export const HEADLESS_HELP = `A full node without a browser: it votes, keeps the ledger, and trades for the access points of its database.
不需要浏览器的完整节点：参与投票、保存账本，并为其数据库中的接入点交易。

  npm run headless -- --relay http://HOST:PORT [arguments]

  --relay ORIGIN     the relay of the network                          网络的中继地址
  --database D       sqlite:FILE or mysql://USER:PASSWORD@HOST:PORT/NAME
                     (access-points.sqlite in the data folder)         接入点数据库（默认在数据文件夹中）
  --nickname N       how others see it (headless)                      昵称
  --partition N      the partition to join (any)                       要加入的分区（默认任意）
  --invitation I     where the network asks for one                    邀请
  --buy-at N         percent of the time from which an access point
                     looks for a channel (80)                          繁忙到多少百分比时买入
  --sell-at N        percent up to which it gives idle ones away (20)  空闲到多少百分比时卖出
  --least-gain N     what a trade must be worth (50)                   交易的最低收益
  --data FOLDER      its key and ledger (data/headless)                密钥与账本所在文件夹
  --help             this text                                         显示本说明

Other programs may write to the table tabwave_access_points while it runs.
其他程序可以在节点运行时改写表 tabwave_access_points。
`;

interface Trade {
	buyerAp: string;
	sellerAp: string;
	channel: number;
	price: string;
	height: number;
}

export const HEADLESS_WORDS = {
	node: (id: string, nickname: string, network: string) =>
		`Node ${id.slice(0, 16)} (${nickname}) of ${network} · 节点`,
	database: (database: string, owner: string) =>
		`Access points: ${database}, rows with owner = ${owner} · 接入点数据库`,
	joined: (partition: number, height: number) =>
		`Joined partition ${partition} at height ${height} · 已加入分区`,
	registered: (id: string, height: number) => `${id} is on the ledger, height ${height} · 已登记`,
	bought: ({ buyerAp, sellerAp, channel, price, height }: Trade) =>
		`${buyerAp} bought channel ${channel} of ${sellerAp} for ${price}, height ${height} · 买入信道`,
	sold: ({ buyerAp, sellerAp, channel, price, height }: Trade) =>
		`${sellerAp} sold channel ${channel} to ${buyerAp} for ${price}, height ${height} · 卖出信道`,
	waiting: (reason: string, missing: readonly string[]) =>
		`Waiting: ${reason} (${missing.map((id) => id.slice(0, 16)).join(', ')}) · 等待中`,
	leaving: 'Leaving … · 正在离开……',
	left: 'Left. · 已离开。'
};
