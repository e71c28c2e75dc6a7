import { InvalidArgumentError, type Command } from 'commander'

const SHELLS = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof SHELLS)[number]

const HELP = `
Examples:
  source <(careseal completion bash)
  careseal completion fish > ~/.config/fish/completions/careseal.fish`

export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .description('print a completion script')
    .argument('<shell>', SHELLS.join(', '), shell)
    .addHelpText('after', HELP)
    .action((chosen: Shell) => void process.stdout.write(completionScript(program, chosen)))
}

function shell(text: string): Shell {
  const found = SHELLS.find((name) => name === text)
  if (found) return found
  throw new InvalidArgumentError(`must be one of ${SHELLS.join(', ')}`)
}

type Words = { path: string; words: string[] }

/** The script for one shell, made from the commands as they are. */
export function completionScript(program: Command, chosen: Shell): string {
  const all = wordsOf(program, '')
  if (chosen === 'fish') return fish(all)
  const cases = all.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`).join('\n')
  const known = all.flatMap(({ path }) => (path === '' ? [] : [`'${path}'`])).join('|')
  const bash = `_careseal() {
  local path='' word words=''
  # A word that makes no command of the path is an argument, or the value of an option.
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
    ${known}) path="\${path:+$path }$word" ;;
    esac
  done
  case $path in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _careseal careseal
`
  return chosen === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${bash}` : bash
}

function wordsOf(command: Command, path: string): Words[] {
  const children = command.commands.filter((child) => child.name() !== 'help')
  const options = command.options.flatMap((option) => (option.long ? [option.long] : []))
  const own = { path, words: [...children.map((child) => child.name()), ...options, '--help'] }
  return [own, ...children.flatMap((child) => wordsOf(child, path ? `${path} ${child.name()}` : child.name()))]
}

function fish(all: Words[]): string {
  return all
    .flatMap(({ path, words }) => {
      const under = path === '' ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${path.split(' ').at(-1)}`
      return words.map((word) => {
        const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-a ${word}`
        return `complete -c careseal -n '${under}' -f ${what}`
      })
    })
    .join('\n')
    .concat('\n')
}
