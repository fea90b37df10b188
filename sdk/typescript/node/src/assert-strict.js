import npm from "assert";

export const {
  ok, equal, notEqual, deepEqual, notDeepEqual, deepStrictEqual, notDeepStrictEqual, strictEqual, notStrictEqual, throws,
  doesNotThrow, rejects, doesNotReject, ifError, match, doesNotMatch, fail, AssertionError, strict,
} = npm.strict;
export default npm.strict;
