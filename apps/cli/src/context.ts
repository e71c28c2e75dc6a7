// What every command needs to know: which data folder, which origin, whose token, and where to write.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  openDataDir,
  readRunningState,
  repositoryRoot,
  TokenRefused,
  tokenOf,
  UnknownLogin,
  type DataDir,
  type StackState,
} from '@careseal/stack'
import { CliError, EXIT, unreachable } from './exit.js'
import { isAway, untilReached } from './http.js'
import { terminalOf, type OutputOptions, type Terminal } from './terminal/terminal.js'

export type GlobalOptions = OutputOptions & { dataDir?: string; origin?: string }

/** The options that every command takes, as given and from the environment. */
export type Context = {
  readonly terminal: Terminal
  readonly dataDirPath: string
  /** The folder itself. Throws when there is none. */
  dataDir(): DataDir
  /** The state of the stack that runs on the data folder. Throws (unreachable) when none does. */
  runningState(): StackState
  /** `--origin`, or that of the running stack. */
  origin(): string
}

export function contextOf(options: GlobalOptions): Context {
  const dataDirPath = options.dataDir ?? process.env['CARESEAL_DATA_DIR'] ?? join(repositoryRoot(), '.careseal')
  const dataDir = () => {
    if (existsSync(dataDirPath)) return usableDataDir(dataDirPath)
    throw new CliError(EXIT.unreachable, `no ledger in ${dataDirPath}: start one with npm start, or name --data-dir`)
  }
  const runningState = () => {
    const state = readRunningState(dataDir())
    if (state) return state
    throw new CliError(EXIT.unreachable, `no ledger runs on ${dataDirPath}: start it with npm start`)
  }
  return {
    terminal: terminalOf(options),
    dataDirPath,
    dataDir,
    runningState,
    origin: () => (options.origin === undefined ? runningState().origin : originOf(options.origin)),
  }
}

/** The data folder, made if need be. Throws (usage) when there can be none at this path. */
export function usableDataDir(path: string): DataDir {
  try {
    return openDataDir(path)
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException
    const reason = code === 'EEXIST' || code === 'ENOTDIR' ? 'a file is in the way' : code
    throw new CliError(EXIT.usage, `${path} cannot hold a ledger (${reason}): name another folder with --data-dir`, {
      cause: error,
    })
  }
}

function originOf(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text.replace(/\/$/, '')
  throw new CliError(EXIT.usage, '--origin must be a URL with http or https, like http://localhost:8080')
}

type Lent = { token: string; expiresInSeconds: number }

/** The token in CARESEAL_TOKEN, which is said, else one of a demo login; see demoToken for `attempts`. */
export async function accessToken(context: Context, login: string, attempts = 1): Promise<Lent> {
  const given = process.env['CARESEAL_TOKEN']
  if (given) {
    context.terminal.note(`the token in CARESEAL_TOKEN counts, not the login ${login}`)
    return { token: given, expiresInSeconds: Number.POSITIVE_INFINITY }
  }
  return demoToken(context, login, { attempts })
}

/**
 * A token of a demo login, asked for up to `attempts` times (default 1) while nobody answers. Throws (usage) for a login
 * that there is not, (unreachable) where nobody answers.
 */
export async function demoToken(
  context: Context,
  login: string,
  { scope, attempts = 1 }: { scope?: string | undefined; attempts?: number } = {},
): ReturnType<typeof tokenOf> {
  const origin = context.origin()
  const dataDir = context.dataDir()
  return reachedToken(() => tokenOf({ dataDir, origin }, login, scope), { origin, attempts })
}

/** What `ask` gets from the authorisation server of `origin`; tried again, and failing, as demoToken does. */
export function reachedToken<T>(
  ask: () => Promise<T>,
  { origin, attempts }: { origin: string; attempts: number },
): Promise<T> {
  const asked = () =>
    ask().catch((error: unknown) => {
      throw tokenFailure(error, origin)
    })
  return untilReached(attempts, asked)
}

function tokenFailure(error: unknown, origin: string): unknown {
  if (error instanceof UnknownLogin) return new CliError(EXIT.usage, error.message, { cause: error })
  if (error instanceof TypeError || (error instanceof Error && error.name === 'TimeoutError')) {
    return unreachable(origin, error)
  }
  const isUnreachable = error instanceof TokenRefused && isAway(error.status)
  return isUnreachable ? new CliError(EXIT.unreachable, error.message, { cause: error }) : error
}
