/** The files of deploy/ that are made from the code, as path → text. */
export function deployFiles(): Record<string, string>
/** The variable that holds the public nkey of a NATS user. */
export function nkeyVariable(user: string): string
/** The NATS users, the deployer among them. */
export function natsUsers(): string[]
/** The variable that holds the password of a login role. */
export function passwordVariable(role: string): string
