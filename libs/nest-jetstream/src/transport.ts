/** The transport id of JetStreamServer: handlers that name it are bound to that server alone. */
export const JETSTREAM: unique symbol = Symbol.for('careseal.jetstream')

/** Injection token of the NatsConnection. */
export const NATS: unique symbol = Symbol.for('careseal.nats')
