import type { Command } from 'commander'
import { tokenOf, UnknownLogin } from '@careseal/stack'
import { contextOf, type GlobalOptions } from '../context.js'
import { CliError, EXIT, unreachable } from '../exit.js'

type TokenOptions = GlobalOptions & { as: string; scope?: string }

const HELP = `
It lasts five minutes. Only for a ledger in demo mode: elsewhere each client keeps its own key.

Examples:
  careseal token --as patient-1
  curl -H "Authorization: Bearer $(npx careseal token --as hospital)" http://localhost:8080/fhir/metadata`

export function addTokenCommand(program: Command): void {
  program
    .command('token')
    .description('print a bearer token of a demo login')
    .requiredOption('--as <login>', 'which login; npm start and status list them')
    .option('--scope <scopes>', 'scopes to ask for, instead of all that the login’s role has')
    .addHelpText('after', HELP)
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<TokenOptions>()
      const context = contextOf(options)
      const state = context.runningState()
      if (!state.demo)
        throw new CliError(EXIT.failure, 'this ledger runs without demo logins: leave out --no-demo to have them')
      const { token, expiresInSeconds, scope } = await ask(context, options)
      context.terminal.data(token, { token, expiresInSeconds, scope, login: options.as })
    })
}

async function ask(context: ReturnType<typeof contextOf>, options: TokenOptions) {
  const origin = context.runningState().origin
  try {
    return await tokenOf({ dataDir: context.dataDir(), origin }, options.as, options.scope)
  } catch (error) {
    if (error instanceof UnknownLogin) throw new CliError(EXIT.usage, error.message, { cause: error })
    if (error instanceof TypeError) throw unreachable(origin, error)
    throw error
  }
}
