// The folder of one run: everything that a stack writes lies below it, and goes with it. Logs alone may be kept.
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { isRunning, lastLines } from '@careseal/stack'

const PREFIX = 'careseal-kit-'
const OF_A_RUN = /^careseal-kit-(\d+)-/
/** Younger ones may belong to another process namespace that shares the folder. */
const ABANDONED_AFTER_MS = 3_600_000
const BYTES_PER_LINE_MAX = 2_000

export type RunFolder = {
  readonly root: string
  /** The last lines of each log, under its name. */
  logs(lines: number): string
  /** The folder in which the logs will be once this one is removed. */
  keepLogs(): string
  remove(): void
}

/** Makes a folder that bears this process's id, and removes what processes left that are gone. */
export function makeRunFolder(): RunFolder {
  removeAbandoned()
  const root = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`))
  const logDir = join(root, 'logs')
  let keptIn: string | null = null
  return {
    root,
    logs: (lines) => filesOf(logDir).map(tail(lines)).join('\n'),
    keepLogs: () => (keptIn ??= mkdtempSync(join(tmpdir(), `${PREFIX}logs-`))),
    remove: () => {
      if (keptIn !== null) for (const file of filesOf(logDir)) cpSync(file, join(keptIn, basename(file)))
      rmSync(root, { recursive: true, force: true })
    },
  }
}

function filesOf(dir: string): string[] {
  try {
    return readdirSync(dir)
      .toSorted()
      .map((name) => join(dir, name))
  } catch {
    return []
  }
}

function tail(lines: number): (file: string) => string {
  return (file) => {
    const last = lastLines(file, lines * BYTES_PER_LINE_MAX)
      .trimEnd()
      .split('\n')
      .slice(-lines)
    return [`--- ${basename(file)}`, ...last].join('\n')
  }
}

// A test process that was killed removed nothing; its parts ended with it.
function removeAbandoned(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(OF_A_RUN.exec(name)?.[1] ?? 0)
    if (pid === 0 || isRunning(pid)) continue
    const path = join(tmpdir(), name)
    try {
      if (Date.now() - statSync(path).mtimeMs > ABANDONED_AFTER_MS) rmSync(path, { recursive: true, force: true })
    } catch {
      // Somebody else removes it at this moment, or owns it.
    }
  }
}
