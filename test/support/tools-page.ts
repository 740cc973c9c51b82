import { join } from 'node:path'
import { projectRoot } from './project-root.ts'
import { readTool, SYSTEMS, type System, type ToolStatement, toolFiles } from './tools-fixtures.ts'

export const toolsPagePath = join(projectRoot, 'docs', 'tools.md')

const HEADINGS: Readonly<Record<System, string>> = {
  postgres: 'PostgreSQL (18 and 15)',
  mysql: 'MySQL (9) and MariaDB (11.8)',
}
/** Characters of a statement that the page shows. */
const SHOWN = 110

const HEAD = `# What tools send, and what becomes of it

Tools ask a database many things that nobody typed: on connecting, to draw a tree of its tables, to complete a name. A statement of that
kind that is held is an outage. So these were written down, from the tools themselves where they can be run
([how](../fixtures/tools/README.md)), and are run again with each test, directly and through the proxy with no rules configured: the
answers have to be the same, byte for byte, but where something classified is masked.

*Shaped*: the tool couldn't be run where this was made; its statements were written anew after what it asks for. *Masked*: the answer
shows a classified value. *Held*: needs a signature; the list under each table says which and why.
`

/** docs/tools.md, as the fixtures have it. */
export function toolsPage(): string {
  return [HEAD, ...SYSTEMS.map(sectionOf)].join('\n')
}

interface Tool {
  readonly name: string
  readonly statements: readonly ToolStatement[]
}

function sectionOf(system: System): string {
  const tools = toolFiles(system)
    .map((file) => readTool(system, file))
    .map((statements): Tool => ({ name: statements[0]?.tool ?? '', statements }))
    .sort((a, b) => a.name.localeCompare(b.name, 'en'))
  const all: Tool = { name: 'all of them', statements: tools.flatMap((tool) => tool.statements) }
  return [
    `## ${HEADINGS[system]}`,
    '',
    '| tool | version | statements | in clear | masked | held |',
    '| --- | --- | --- | --- | --- | --- |',
    ...tools.map(rowOf),
    rowOf(all),
    '',
    'Held:',
    '',
    ...tools.flatMap(heldOf),
    '',
  ].join('\n')
}

function rowOf({ name, statements }: Tool): string {
  const masked = statements.filter((one) => one.masked).length
  const held = statements.filter((one) => one.held !== undefined).length
  const [first] = statements
  const version = name === 'all of them' ? '' : first?.shaped ? 'shaped' : first?.version
  const clear = statements.length - masked - held
  return `| ${name} | ${version} | ${statements.length} | ${clear} | ${masked} | ${held} |`
}

/** One line a reason, with the first statement that has it. */
function heldOf({ name, statements }: Tool): string[] {
  const byReason = new Map<string, ToolStatement[]>()
  for (const statement of statements) {
    const { held } = statement
    if (held !== undefined) byReason.set(held, [...(byReason.get(held) ?? []), statement])
  }
  return [...byReason].map(([reason, own]) => {
    const more = own.length > 1 ? `, and ${own.length - 1} more like it` : ''
    return `- ${name}: ${codeOf(own[0]?.sql ?? '')}${more}. *${reason}*`
  })
}

function codeOf(sql: string): string {
  const line = sql.replace(/\s+/g, ' ').trim()
  const shown = line.length > SHOWN ? `${line.slice(0, SHOWN)} …` : line
  return shown.includes('`') ? `\`\` ${shown} \`\`` : `\`${shown}\``
}
