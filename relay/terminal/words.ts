/** What the terminal says. Both languages always: whoever starts the relay is often not the one who reads the screen. */

export const HELP = `Tabwave relay: serves the site, introduces tabs to each other, orders the ledger.
Tabwave 中继：提供网站，为标签页牵线，为账本排序。

  npm start -- [arguments]

  --port N        port of site, WebSocket and API (7070, or the         端口（默认 7070，
                  replica's own in [booters])                           或 [booters] 中本副本的端口）
  --host H        address to listen on (0.0.0.0: all of this machine)   监听地址
  --config FILE   description of the network (network.ini if present)   网络描述文件
  --data FOLDER   keys and ledger (data/ in the project)                密钥与账本所在文件夹
                  with --replica: data/NAME                             有 --replica 时为 data/NAME
  --replica NAME  which replica of [booters] in network.ini this is     本机是 [booters] 中的哪个副本
  --tls           https, with a certificate that the relay makes        使用 https，证书由中继自行生成
  --tls-cert FILE, --tls-key FILE   https with your own PEM files       使用自己的证书和密钥（PEM）
  --site FOLDER   another build of the site than build/                 另一份构建好的网站
  --no-color      plain text                                            不使用颜色
  --help          this text                                             显示本说明

network.ini.example lists every key of the network description with its default.
network.ini.example 列出网络描述的全部键及默认值。
`;

export const INVITE_HELP = `Prints a link that lets people join a network whose admission is by invitation.
为需要邀请的网络生成加入链接。

  npm run invite -- [arguments]

  --partition N   the only partition it is good for (any)        限定分区（默认任意）
  --uses N        how many may join with it (1)                  可用次数
  --hours N       how long it holds (8)                          有效小时数
  --url ORIGIN    address in the link (this machine on the LAN)  链接中的地址
  --replica NAME  the replica that the link leads to             链接指向的副本
  --revoke LINK   take an invitation back (its link or its id)   撤销邀请（链接或编号）
                  in place of making one; in a cluster, at each replica   集群中需在每个副本上执行
  --config FILE, --data FOLDER   as for npm start                同 npm start
`;

export const RECOVER_HELP = `Lets a partition that has lost too many members go on without them. An override: the ledger shows it as one.
让失去太多成员的分区不再等待他们。这是干预，账本会如实记录。

  npm run recover -- --partition N [arguments]

  --partition N   the partition                                     分区
  --retire        end it, in place of going on with who remains     终止该分区，而不是由其余成员继续
  --replica NAME, --data FOLDER   as for npm start                  同 npm start
`;

export const WORDS = {
	recoverAsked: (partition: number) =>
		`Asked for. The running relay recovers partition ${partition} when it has been without a quorum for long enough; a relay that is not running does so after its next start.
已请求。分区 ${partition} 失去法定人数足够久后，正在运行的中继会恢复它；未运行的中继在下次启动后处理。`,
	invitationTerms: (uses: number, until: string) =>
		`Good for ${uses} until ${until}. · 可用 ${uses} 次，至 ${until}。`,
	invitationId: (id: string) => `To take it back · 撤销：npm run invite -- --revoke ${id}`,
	revoked: (id: string) =>
		`Nobody comes in with it any more; who has, stays. · 已撤销，此后无人可凭它加入；已加入者保留。
${id}`,
	here: 'On this computer · 本机  ',
	lan: 'On the network   · 局域网',
	code: 'Join code        · 加入码',
	open: 'Anyone who opens the address can join. · 打开地址的人都可以加入。',
	invitation:
		'The QR code holds an invitation for 8 hours. More: npm run invite · 二维码含 8 小时有效的邀请，更多邀请：npm run invite',
	selfMade: (fingerprint: string) =>
		`The first visit from each browser shows a warning: this relay made its certificate itself, so nobody vouches for it.
  Choose "Advanced", then "Proceed" (or "Accept the risk"). Who wants to be sure compares the fingerprint, SHA-256:
  每个浏览器首次访问都会显示警告：证书由本中继自行生成，没有机构担保。
  请选择“高级”，再选择“继续前往”（或“接受风险”）。需要核实时，请比对 SHA-256 指纹：
  ${fingerprint.slice(0, 47)}
  ${fingerprint.slice(48)}`,
	noLan: 'No network found: only this computer can join. · 未发现局域网：只有本机可以加入。',
	replica: 'Replica          · 副本  ',
	others: 'Other replicas   · 其他副本',
	replicaStates: {
		linked: 'linked · 已连接',
		down: 'not reached, trying again · 未连接，持续重试',
		refused: 'not the same network · 不是同一网络'
	},
	newClusterFile: (file: string) =>
		`The replicas share the keys in ${file}. Copy it and network.ini to the machine of each other replica before its first start, and show it to nobody.
  各副本共用 ${file} 中的密钥。请在其他副本首次启动前，把它和 network.ini 复制到其机器，切勿外传。`,
	started: 'New chain. · 新链。',
	continued: (height: number) => `The chain goes on at height ${height}. · 从高度 ${height} 继续。`,
	stop: 'Ctrl-C ends it; the next start continues this chain. · 按 Ctrl-C 结束，下次启动继续这条链。',
	stopping: 'Stopping … · 正在停止……',
	stopped: 'Stopped. · 已停止。',
	fatal: 'The relay had to stop · 中继不得不停止',
	badConfig: (path: string) => `${path} is refused · ${path} 有误，未启动`,
	unexpected:
		'This should not have happened; what follows is for a report. · 出现意外错误，以下内容可用于报告。'
} as const;
