/**
 * The version of all that crosses between nodes: framing, packets, and what their fields mean. It is raised by whatever an older
 * node would misunderstand; what an older one may ignore (new fields, new packets) does not raise it. The relay says it in its
 * description of the network, and the links' protocol has it in its name, so that two versions part before a packet is read.
 */
export const PROTOCOL_VERSION = 2;
