export const PAGE: string
export function verifierPage(): Promise<string>
export function browserScript(entry: string, library?: string): Promise<string>
export function withHashOf(page: string, text: string): string
