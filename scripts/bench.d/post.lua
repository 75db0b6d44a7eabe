-- wrk: the body of a file, the key of the environment

local file = io.open(os.getenv("BENCH_BODY"), "rb")

wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_KEY")

file:close()
