// Texts that break what is careless, for the tests of the forms.
export const hostileTexts: readonly string[] = [
  "",
  " leading and trailing ",
  "quote \" comma , semicolon ; apostrophe ' backslash \\",
  "line\nend, CR\rend, CR LF\r\nend, tab\tand\vvertical\f",
  "\r",
  "\n",
  "\u001b[2J\u001b[31mred\u001b]0;title\u0007\u009b1;1H",
  "\u0001\u0008\u001f\u007f\u0085",
  '=HYPERLINK("http://x")',
  "+1",
  "-1",
  "@SUM(A1)",
  "\t=1",
  "]]><script>&amp;<![CDATA[ <event><!-- -- ?>",
  "\u202eevil\u2066\u2069\u200f\u061c",
  "\u2028\u2029\ufeff\u200b\u00ad",
  "\ufffe\uffff\u{1fffe}",
  "日本語 e\u0301 👨‍👩‍👧 \u{1fae0} नमस्ते",
  "null",
  "\\N",
  "\\.",
  "true",
  '{"a":1.10}',
  `${"a\u0301".repeat(1000)}`,
  `x${" ".repeat(500_000)}y`,
  "日\u001b".repeat(250_000),
]

/** Nothing of it may reach a terminal: what steers it, what ends a line, what turns it round, what nobody sees. */
export const raw = /(?!\n)\p{Cc}|[\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u
