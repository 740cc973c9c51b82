import t from 'tap'
import { canonicalJson, type Json, prettyJson } from '../../src/lib/canonical-json.ts'
import { parseStrictJson } from '../../src/lib/strict-json.ts'

t.test('canonical as RFC 8785 has it', async (t) => {
  // Section 3.2.2 and appendix B.
  const value = JSON.parse(String.raw`{
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001, -0],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]
  }`) as Json
  t.equal(
    canonicalJson(value),
    String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27,0],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
  )
  // Section 3.2.3: by UTF-16 code units, also where keys look like numbers.
  const keys = JSON.parse(
    String.raw`{"\u20ac":5,"\r":1,"\ufb33":7,"1":2,"10":0,"2":0,"\ud83d\ude00":6,"\u0080":3,"\u00f6":4}`,
  ) as Json
  t.same(Object.keys(JSON.parse(canonicalJson(keys)) as object).length, 9)
  t.equal(
    canonicalJson(keys),
    '{"\\r":1,"1":2,"10":0,"2":0,"\u0080":3,"\u00f6":4,"\u20ac":5,"\ud83d\ude00":6,"\ufb33":7}',
  )
})

t.test('for people, with a line for each member', async (t) => {
  t.equal(
    prettyJson({ b: [1, { c: {} }], a: [] }),
    '{\n  "a": [],\n  "b": [\n    1,\n    {\n      "c": {}\n    }\n  ]\n}',
  )
})

t.test('what every reader reads alike is read; the rest is refused', async (t) => {
  const good = [
    'null',
    ' [ ] ',
    '"\\\\"',
    '"\\"{,}[]:"',
    '{"a":"b","b":"a","":{"a":1}}',
    '[{"a":1},{"a":2}]',
    '{"a":["a","a"],"b":{"c":"a"}}',
    '[-0.5,1e3,9007199254740991,1.5e-300]',
    '"\\ud83d\\ude00"',
    `${'['.repeat(32)}${']'.repeat(32)}`,
  ]
  for (const text of good) t.same(parseStrictJson(text), JSON.parse(text), text)
  const bad: readonly [string, RegExp][] = [
    ['{"a":1,"a":1}', /"a" stands twice/],
    ['[{"x":{"a":1},"x":2}]', /"x" stands twice/],
    ['{"a":[{}],"b":1,"\\u0061":2}', /"a" stands twice/],
    ['{"__proto__":1}', /can't be used/],
    ['"\\udc00"', /surrogate/],
    ['{"\\ud800":1}', /surrogate/],
    ['9007199254740992', /exactly/],
    ['[1e400]', /exactly/],
    [`${'['.repeat(33)}${']'.repeat(33)}`, /deeper/],
    ['{"a":1,}', /not valid/],
    ['', /not valid/],
    ['\ufeff{}', /not valid/],
  ]
  for (const [text, problem] of bad) t.throws(() => parseStrictJson(text), problem, text)
})
