// Damage to a ledger's database, as whoever owns the server could do it: past every trigger, grant and foreign key.

/** What is damaged, the statements that do it, and what fsck must then say: the invariant, and a part of the place. */
export type Damage = { what: string; sql: string; invariant: string; place: RegExp }

/** SQL for a bit that is turned over in the middle of a column. */
export const bit = (column: string) => `set_byte(${column}, 40, get_byte(${column}, 40) # 1)`

/** SQL for bytes as text. */
export const text = (column: string) => `convert_from(${column}, 'UTF8')`
