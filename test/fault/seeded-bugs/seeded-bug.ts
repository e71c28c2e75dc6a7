// What a seeded bug is: a fault that the design rules out, as a change of the built code, and the test that must see it.

/** `find` stands exactly once in `file`; else the patch no longer fits and has to be mended with the code. */
export type Edit = {
  /** Relative to the repository, below some `dist`. */
  file: string
  find: string
  replace: string
}

/** One test: it passes on the built code and fails once the bug is in it. */
export type NamedTest = {
  /** Relative to the repository. */
  file: string
  /** The names of its describe blocks and its own, joined by ` > `, as `vitest -t` takes them. */
  name: string
}

export type SeededBug = {
  name: string
  /** What the code does wrong then, as a half sentence. */
  what: string
  /** Of faults.md. */
  invariants: readonly string[]
  edits: readonly Edit[]
  caughtBy: NamedTest
}
