// Which bugs a short run takes: others with each commit, the same ones for the same commit.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'

/** `count` of the names, chosen by the seed alone. */
export function rotate(names: readonly string[], count: number, seed: string): string[] {
  const rank = (name: string) => createHash('sha256').update(`${seed}\n${name}`).digest('hex')
  return names.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1)).slice(0, count)
}

/** The hash of the commit that is checked out; outside of a clone the same word always. */
export function commitHash(root: string): string {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim()
  } catch {
    return 'no commit'
  }
}
