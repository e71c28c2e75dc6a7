/** The code of why a service or recipient did not do what it was asked: its own refusal before the failure of the call. */
export function failureCodeOf(error: unknown): string {
  const { rejection, remoteCode, code } = error as { rejection?: string; remoteCode?: string; code?: string }
  return rejection ?? remoteCode ?? code ?? 'failed'
}
