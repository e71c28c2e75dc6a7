/** `key` and `certificate` in PEM, of a host name, for ten years. */
export function selfSigned(host: string): { key: string; certificate: string }
