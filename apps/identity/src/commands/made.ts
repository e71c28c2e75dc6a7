/** The id of what a command made, out of its location. */
export function idOf(location: string): string {
  return location.slice(location.lastIndexOf('/') + 1)
}
