/** Money: integer nano-USD (one USD is 1,000,000,000). Float dollars exist only at the edges. */
export type NanoUsd = bigint;
