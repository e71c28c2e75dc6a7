/** A variable of the environment that a program cannot do without. Throws and names it. */
export function required(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') throw new Error(`set ${name}: the README beside this program says to what`)
  return value
}
