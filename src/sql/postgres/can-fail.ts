import { anyNode, type Body, literalOf, namesOf, nodeOf } from './ast.ts'

/**
 * Built-in functions that fail for some values and not for others, so that what they are given
 * decides. Left out: those that honest queries use on classified columns and that take any of them.
 */
const FAILING = new Set(
  `sqrt ln log log10 power pow exp acos asin atanh acosh factorial mod div gcd lcm chr get_byte
   get_bit set_byte set_bit decode convert convert_from convert_to to_number to_date to_timestamp
   make_date make_time make_timestamp make_timestamptz make_interval width_bucket array_fill
   json_object jsonb_object jsonb_array_elements json_array_elements jsonb_object_keys
   json_object_keys jsonb_array_length json_array_length parse_ident xml inet cidr macaddr`.split(
    /\s+/,
  ),
)

export function canFail(name: readonly string[]): boolean {
  return FAILING.has(name.at(-1) ?? '')
}

/** Constants beyond this take small integers out of their range. */
const LARGE = 1e6

/** Adding or multiplying by a large constant fails where the value is large enough. */
export function canOverflow(operator: string | undefined, body: Body): boolean {
  if (operator === '^') return true
  if (operator !== '+' && operator !== '-' && operator !== '*') return false
  return isLarge(body.lexpr) || isLarge(body.rexpr)
}

function isLarge(value: unknown): boolean {
  const text = literalOf(value)
  return typeof text === 'string' && Math.abs(Number(text)) >= LARGE
}

/** Types that any text is a value of. */
const TAKES_ANY_TEXT = new Set(['text', 'varchar', 'bpchar', 'char', 'name', 'citext', 'unknown'])

/** Functions and operators whose result is a part of a text. */
const TEXTUAL = new Set(
  `substring substr left right split_part btrim ltrim rtrim trim replace translate overlay
   regexp_replace regexp_substr reverse lower upper initcap concat concat_ws format md5 encode
   string_agg chr lpad rpad repeat to_char ->> #>> ||`.split(/\s+/),
)

/**
 * Whether casting this value to that type fails for some texts. The value is taken for a text where
 * it is put together as one.
 */
export function failsOnText(type: string, value: unknown): boolean {
  return !TAKES_ANY_TEXT.has(type) && isTextual(value)
}

function isTextual(value: unknown): boolean {
  return anyNode(value, ({ kind, body }) => {
    if (kind === 'FuncCall') return TEXTUAL.has(namesOf(body.funcname).at(-1) ?? '')
    if (kind === 'A_Expr') return TEXTUAL.has(namesOf(body.name).at(-1) ?? '')
    return kind === 'TypeCast' && castsToText(body)
  })
}

function castsToText(body: Body): boolean {
  const type = nodeOf(body.typeName)?.body ?? (body.typeName as Body | undefined)
  return TAKES_ANY_TEXT.has(namesOf(type?.names).at(-1) ?? '')
}
