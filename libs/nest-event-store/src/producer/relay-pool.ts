/** Injection token of the pg pool of relay and seal follower. */
export const RELAY_POOL: unique symbol = Symbol.for('careseal.event-store.relay-pool')
