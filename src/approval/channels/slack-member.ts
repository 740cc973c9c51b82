/** What users.info says of a member, as far as it is looked at. */
export interface MemberInfo {
  readonly id?: unknown
  readonly team_id?: unknown
  readonly deleted?: unknown
  readonly is_bot?: unknown
  readonly is_app_user?: unknown
  readonly is_workflow_bot?: unknown
  readonly is_restricted?: unknown
  readonly is_ultra_restricted?: unknown
  readonly is_stranger?: unknown
  readonly is_invited_user?: unknown
  readonly is_email_confirmed?: unknown
  readonly profile?: { readonly email?: unknown }
}

const GUEST_FLAGS = {
  deleted: 'your account is deactivated',
  is_bot: 'you are a bot',
  is_app_user: 'you are an app',
  is_workflow_bot: 'you are a workflow',
  is_restricted: 'guests have no say here',
  is_ultra_restricted: 'guests have no say here',
  is_stranger: 'you are of another workspace',
  is_invited_user: 'your invitation is not accepted yet',
} as const

/** Why somebody isn't a full member of the workspace, or null. */
export function notAFullMember(member: MemberInfo, user: string, team: string): string | null {
  if (member.id !== user) return 'Slack answered about somebody else'
  if (member.team_id !== team) return 'you are of another workspace'
  for (const [flag, why] of Object.entries(GUEST_FLAGS)) {
    const value = member[flag as keyof typeof GUEST_FLAGS]
    if (value !== undefined && value !== false) return why
  }
  // These Slack says of everybody; the others it leaves out where they don't apply.
  const said = ['deleted', 'is_bot', 'is_restricted', 'is_ultra_restricted'] as const
  if (said.some((flag) => member[flag] !== false)) return 'Slack does not say that you are a member'
  return member.is_email_confirmed === false ? 'your e-mail address is not confirmed' : null
}
