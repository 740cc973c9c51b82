import type { Findings } from './findings.ts'
import { problem } from './problems.ts'
import { type Block, block, groupsOf, texts } from './raw-file.ts'

export function checkRules(file: Block, { problems }: Findings): void {
  const seen = new Map<string, number>()
  const rules = Array.isArray(file.rules) ? file.rules : []
  rules.forEach((rule, i) => {
    const { name } = block(rule)
    if (typeof name !== 'string') return
    const first = seen.get(name)
    if (first === undefined) seen.set(name, i)
    else
      problems.push(problem(['rules', i, 'name'], `${name} is already the name of rules[${first}]`))
  })
}

/** A rule that asks for a group without members can never be satisfied: worth saying, not fatal. */
export function checkGroups(file: Block, { warnings }: Findings): void {
  // Then nobody knows from the file who is in a group.
  if (block(file.oidc).groups_claim !== undefined) return
  const groups = groupsOf(file)
  const rules = Array.isArray(file.rules) ? file.rules : []
  rules.forEach((rule, i) => {
    const { approve } = block(block(rule).then)
    for (const group of texts(block(approve).by).filter((group) => !groups.has(group))) {
      const path = ['rules', i, 'then', 'approve', 'by']
      warnings.push(problem(path, `nobody of people: is in the group ${group}, so nobody can sign`))
    }
    for (const group of texts(block(approve).escalate_to).filter((group) => !groups.has(group))) {
      const path = ['rules', i, 'then', 'approve', 'escalate_to']
      warnings.push(problem(path, `nobody of people: is in the group ${group}`))
    }
  })
  if (!groups.has('approvers')) {
    warnings.push(
      problem(['people'], 'nobody is in the group approvers, which signs where no rule says who'),
    )
  }
}
