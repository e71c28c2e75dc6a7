import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { createProgram } from '../program.js'
import { completionScript } from './completion.command.js'

function completed(...words: string[]): string[] {
  const script = completionScript(createProgram(), 'bash')
  const quoted = ['careseal', ...words].map((word) => `'${word}'`).join(' ')
  const asked = `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _careseal; printf '%s\\n' "\${COMPREPLY[@]}"`
  return execFileSync('bash', ['-c', `${script}\n${asked}`], { encoding: 'utf8' })
    .trim()
    .split('\n')
}

describe('completion in bash', () => {
  it('offers commands, then what is below them', () => {
    expect(completed('rec')).toEqual(['receipt'])
    expect(completed('receipt', 'ver')).toEqual(['verify'])
  })

  it('goes on after an argument and after the value of an option', () => {
    expect(completed('receipt', 'verify', 'receipt.json', '--po')).toEqual(['--policy'])
    expect(completed('receipt', 'get', '--as', 'clinician', 'Observation/1', '--fi')).toEqual(['--field'])
    expect(completed('--data-dir', 'here', 'import', 'a.json', '--conc')).toEqual(['--concurrency'])
  })
})
