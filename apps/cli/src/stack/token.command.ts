import type { Command } from 'commander'
import { contextOf, demoToken, type GlobalOptions } from '../context.js'
import { CliError, EXIT } from '../exit.js'

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
    .requiredOption('--as <login>', 'which login; npm start lists them')
    .option('--scope <scopes>', 'scopes to ask for, instead of all that the login’s role has')
    .addHelpText('after', HELP)
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<TokenOptions>()
      const context = contextOf(options)
      const state = context.runningState()
      if (!state.demo)
        throw new CliError(EXIT.failure, 'this ledger runs without demo logins: leave out --no-demo to have them')
      const { token, expiresInSeconds, scope } = await demoToken(context, options.as, { scope: options.scope })
      context.terminal.data(token, { token, expiresInSeconds, scope, login: options.as })
    })
}
