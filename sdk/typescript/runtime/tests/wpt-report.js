// After the tests: one line of JSON for each that failed, and the sums.
setup({ explicit_done: true, explicit_timeout: true, output: false });
add_completion_callback((tests, status) => {
  for (const test of tests) {
    if (test.status !== test.PASS) print(`FAIL ${JSON.stringify([test.name, test.message])}`);
  }
  if (status.status !== status.OK) print(`HARNESS ${JSON.stringify(status.message)}`);
  print(`SUM ${tests.filter((test) => test.status === test.PASS).length} ${tests.length}`);
});
