import type { Command } from 'commander'

/** The command that others stand under, made by whichever of them comes first. */
export function groupOf(program: Command, name: string, description: string): Command {
  const known = program.commands.find((command) => command.name() === name)
  return known ?? program.command(name).description(description)
}

export const REPORTS = ['report', 'Reports from the audit trail'] as const
