// How each SECURITY DEFINER function that concerns keys and pseudonyms is called by who attacks it: privilege-temp.test.ts.

const bytes = "ab".repeat(32)
const pseudonym = "p1:h:k1:abcdefghijklmnopqrstuv"
const key = `begin; select pgtrail.add_privacy_key('k1', '\\x${bytes}')`
const noted = `${key}; select pgtrail.subject_stage(); select pgtrail.redact_begin();
  select pgtrail.add_pseudonym('{${pseudonym}}', '{acme}', 'hash', 'k1', '{"\\\\x${bytes}"}', '{"\\\\x${bytes}"}')`

export const keyCalls: Readonly<Record<string, readonly string[]>> = {
  add_privacy_key: [`${key}; select pgtrail.add_privacy_key('k2', '\\x${"cd".repeat(32)}', true)`],
  destroy_privacy_key: [`${noted}; select * from pgtrail.destroy_privacy_key('k1')`],
  privacy_keys: [`${noted}; select * from pgtrail.privacy_keys()`],
  add_pseudonym: [noted],
  find_pseudonym: [`${noted}; select * from pgtrail.find_pseudonym('{"\\\\x${bytes}"}')`],
  forget_pseudonym: [`${noted}; select pgtrail.forget_pseudonym('{${pseudonym}}')`],
  reveal: [`${noted}; select pgtrail.reveal('${pseudonym}', 'r', 'w')`],
  revealed: [`${noted}; select pgtrail.reveal('${pseudonym}', 'r', 'w'); select * from pgtrail.revealed(2)`],
}
