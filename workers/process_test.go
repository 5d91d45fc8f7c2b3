package workers_test

const workerEnv = "TENANTRY_TEST_WORKER"

func runWorkerProcess() int { return 0 }
