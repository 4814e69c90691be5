/**
 * Bounds how many customers without any spend one key may bring within an hour: rotating invented
 * customer ids would otherwise give each a fresh budget.
 */
export interface NewCustomerGate {
  /**
   * Notes the customer under its key and hour, in one round trip. True when it is among the first
   * `limit` different ones; those stay admitted for the hour, and one that was refused is not kept.
   * @throws SpendStoreUnavailable in time
   */
  admit(of: {
    /** The hash of the caller's key; '' for callers that name none, who share one bound. */
    readonly key: string;
    readonly customer: string;
    readonly limit: number;
    readonly at: Date;
    readonly timeoutMs: number;
  }): Promise<boolean>;
}
