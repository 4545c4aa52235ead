// Every page needs the node in this tab, so nothing is rendered on a server.
export const ssr = false;
