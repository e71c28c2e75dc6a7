export type SourceFile = { path: string; text: string }
export type Project = {
  name: string
  tags: string[]
  manifest: {
    name: string
    exports?: Record<string, unknown>
    dependencies?: Record<string, string>
    devDependencies?: Record<string, string>
    peerDependencies?: Record<string, string>
  }
  files: SourceFile[]
}
export function violations(projects: readonly Project[]): string[]
export function importsOf(text: string): string[]
