/*
 * Queries of a real store beside a scan of all rows: every row that matches,
 * once, in order, whatever the pages are.
 */

#include "rows.h"
#include "store/rows/log.h"
#include "store/queries/query_private.h"
#include "store/upkeep/retention.h"
#include "tap.h"
#include "wire/be.h"

#include <sys/stat.h>
#include <unistd.h>


#define NOW    (ROWS_START + 3600000)
#define ROWS   6000
#define PAGES  12000


/* a row as the scan knows it */
typedef struct {
    unsigned char  id[LLM_ROW_ID_SIZE];
    int64_t        values[LLM_SORT_FIRST_TOKEN + 1];
    bool           matches;
    bool           shown;
} known_t;


typedef struct {
    uint64_t   seqs[LLM_QUERY_LIMIT_MAX];
    unsigned   n;
    unsigned   enough;              /* 0: all */
    bool       wrong;               /* an id that is not the row's */
} page_t;


static rows_t        random_rows;
static llm_store_t  *store;
static known_t       known[ROWS + 1];       /* by number */
static llm_buf_t     encoded;
static size_t        offsets[ROWS + 2];
static char          dir[] = "/tmp/llm_query_test.XXXXXX";


static llm_str_t
row_bytes(unsigned seq)
{
    return (llm_str_t) { encoded.data + offsets[seq],
                         offsets[seq + 1] - offsets[seq] };
}


static int
append(llm_store_t *to, MDB_txn *txn, void *ctx)
{
    int        rc;
    uint64_t   seq;
    unsigned   i;

    for (i = 1; i <= ROWS; i++) {
        rc = llm_log_append(to, txn, row_bytes(i), &seq);

        if (rc != 0 || seq != i) {
            return rc ? rc : MDB_CORRUPTED;
        }
    }

    rc = llm_log_content(to, txn, known[7].id, 1, llm_str("asked"));

    return rc ? rc : llm_log_seal(to, txn, 100);
}


static void
make_store(void)
{
    unsigned      i;
    llm_row_t     row;
    const char   *error;

    if (mkdtemp(dir) == NULL) {
        abort();
    }

    llm_buf_init(&encoded, 64 << 20);

    for (i = 1; i <= ROWS; i++) {
        rows_row(&random_rows, &row, ROWS_START + i * 100
                                     + rows_below(&random_rows, 500));
        llm_buf_reserve(&encoded, LLM_ROW_MAX);
        offsets[i] = encoded.len;
        encoded.len += llm_row_encode(&row, (unsigned char *) encoded.data
                                      + encoded.len, LLM_ROW_MAX);
        offsets[i + 1] = encoded.len;

        memcpy(known[i].id, row.id, LLM_ROW_ID_SIZE);
        known[i].values[LLM_SORT_TIME] = i;
        known[i].values[LLM_SORT_COST] = row.cost.total;
        known[i].values[LLM_SORT_TOKENS] = llm_usage_input_total(&row.usage)
                                           + row.usage.output;
        known[i].values[LLM_SORT_LATENCY] = row.ended_ms - row.received_ms;
        known[i].values[LLM_SORT_FIRST_TOKEN] = row.first_token_ms
            ? row.first_token_ms - row.received_ms : -1;
    }

    store = llm_store_open(dir, &error);

    if (store == NULL || llm_store_write(store, append, NULL) != LLM_OK) {
        ok(0, "a store with rows: %s",
           store ? llm_store_error(store) : error);
        exit(1);
    }
}


static int
take(const llm_row_t *row, uint64_t seq, void *ctx)
{
    page_t  *page = ctx;

    page->wrong |= (memcmp(row->id, known[seq].id, LLM_ROW_ID_SIZE) != 0);
    page->seqs[page->n++] = seq;

    return (page->n == page->enough) ? LLM_AGAIN : LLM_OK;
}


static llm_filter_t *
filter_of(const char *text)
{
    char          *p, copy[256], *save, error[LLM_FILTER_ERROR];
    llm_filter_t  *filter;

    filter = llm_filter_create();
    snprintf(copy, sizeof(copy), "%s", text);

    for (p = strtok_r(copy, "&", &save); p; p = strtok_r(NULL, "&", &save)) {
        char  *value = strchr(p, '=');

        *value++ = '\0';

        if (llm_filter_add(filter, (llm_str_t) { p, strlen(p) },
                           (llm_str_t) { value, strlen(value) }, NOW, error)
            != LLM_OK)
        {
            ok(0, "%s: %s", text, error);
        }
    }

    return filter;
}


/* the scan; how many match */
static unsigned
mark(const llm_filter_t *filter)
{
    unsigned   i, n;
    llm_row_t  row;

    for (i = 1, n = 0; i <= ROWS; i++) {
        llm_row_decode(&row, row_bytes(i));
        known[i].matches = llm_filter_match(filter, &row);
        known[i].shown = false;
        n += known[i].matches;
    }

    return n;
}


/* does a come before b? */
static bool
before(const llm_query_t *query, uint64_t a, uint64_t b)
{
    int64_t  x, y;

    x = known[a].values[query->sort];
    y = known[b].values[query->sort];

    if (query->sort == LLM_SORT_FIRST_TOKEN && (x == -1 || y == -1) && x != y)
    {
        return y == -1;
    }

    if (x != y) {
        return query->ascending ? x < y : x > y;
    }

    return query->ascending ? a < b : a > b;
}


/* all pages; `portions`: sorted within each, else from first to last */
static bool
walk_pages(llm_query_t *query, unsigned expected, unsigned enough,
    bool portions, unsigned *pages)
{
    char                error[LLM_FILTER_ERROR];
    page_t              page;
    unsigned            i, seen;
    uint64_t            last;
    llm_query_result_t  result;

    seen = 0;
    last = 0;
    query->cursor[0] = '\0';

    for (*pages = 1; *pages < PAGES; (*pages)++) {
        page = (page_t) { .enough = enough };

        if (llm_query(store, query, take, &page, &result, error) != LLM_OK
            || page.wrong || result.rows != page.n)
        {
            return false;
        }

        if (result.complete && page.n < query->limit && enough == 0
            && result.next[0] != '\0')
        {
            return false;
        }

        for (i = 0; i < page.n; i++) {
            if (!known[page.seqs[i]].matches || known[page.seqs[i]].shown) {
                return false;
            }

            if (last != 0 && (i > 0 || !portions)
                && !before(query, last, page.seqs[i]))
            {
                return false;
            }

            known[page.seqs[i]].shown = true;
            last = page.seqs[i];
            seen++;
        }

        if (result.next[0] == '\0') {
            return seen == expected;
        }

        strcpy(query->cursor, result.next);
    }

    return false;
}


static const char  *filters[] = {
    "period=24h",
    "team=team-3",
    "end_user=user_7",
    "status=5xx&team=!team-1",
    "session=session-12*&streamed=true",
    "cost_min=0.05&latency_max=20000",
    "text=number 1&error=any",
    "tag=tag-3,tag-7&model=model-1*",
    "from=2026-11-23T00:03:00Z&to=2026-11-23T00:04:00Z",
    "received_from=2026-11-23T00:03:00Z&received_to=2026-11-23T00:03:02Z",
    "customer=nobody"
};


static void
test_pages(void)
{
    size_t         f;
    unsigned       n, i, pages, fewer;
    llm_query_t    query;
    llm_filter_t  *filter;
    static const   struct { unsigned limit, work; }  sizes[] = {
        { 1000, 0 }, { 7, 0 }, { 50, 1 }, { 3, 2000 }
    };

    for (f = 0; f < sizeof(filters) / sizeof(filters[0]); f++) {
        filter = filter_of(filters[f]);
        n = mark(filter);

        for (i = 0; i < 5 * 2 * 4; i++) {
            memset(&query, 0, sizeof(query));
            query.filter = filter;
            query.sort = (llm_sort_t) (i % 5);
            query.ascending = i / 5 % 2;
            query.limit = sizes[i / 10].limit;
            query.work = sizes[i / 10].work;

            /* the larger ones only once */

            if (n > 2000 && query.limit < 50) {
                continue;
            }

            for (fewer = 1; fewer <= ROWS; fewer++) {
                known[fewer].shown = false;
            }

            if (!walk_pages(&query, n, 0, query.sort && query.work, &pages)) {
                ok(0, "%s sort %u ascending %d limit %u work %u", filters[f],
                   query.sort, query.ascending, query.limit,
                   (unsigned) query.work);
            }
        }

        ok(1, "%s: %u rows, whole and in order, in any pages", filters[f], n);
        llm_filter_free(filter);
    }
}


/* a handler that has enough before the page is full */
static void
test_enough(void)
{
    unsigned       i, n, pages;
    llm_query_t    query;
    llm_filter_t  *filter;

    filter = filter_of("team=team-3");

    for (i = 0; i < 4; i++) {
        memset(&query, 0, sizeof(query));
        query.filter = filter;
        query.sort = (i & 1) ? LLM_SORT_COST : LLM_SORT_TIME;
        query.ascending = i >> 1;
        query.limit = 50;

        n = mark(filter);
        ok(walk_pages(&query, n, 3, false, &pages) && pages >= n / 3,
           "sort %u ascending %d: pages end where the handler has enough",
           query.sort, query.ascending);
    }

    llm_filter_free(filter);
}


/* a page of what was sorted that would be of fewer rows than the one before */
static void
test_tired(void)
{
    char                error[LLM_FILTER_ERROR];
    page_t              page;
    llm_query_t         query;
    llm_query_result_t  result;

    memset(&query, 0, sizeof(query));
    query.sort = LLM_SORT_COST;
    query.limit = 3;
    query.work = 4000;

    page = (page_t) { .n = 0 };
    llm_query(store, &query, take, &page, &result, error);
    strcpy(query.cursor, result.next);
    query.work = 10;
    page = (page_t) { .n = 0 };

    ok(llm_query(store, &query, take, &page, &result, error) == LLM_ERROR
       && strstr(error, "\"cursor\" leads to rows") == error && page.n == 0,
       "no page of a part of the rows, with rows that were shown: %s", error);

    query.work = 4000;

    ok(llm_query(store, &query, take, &page, &result, error) == LLM_OK
       && page.n == 3, "asked again it comes");
}


/* cursors that somebody made up, with the checksum of a true one */
static void
test_forged(void)
{
    bool                good;
    char                error[LLM_FILTER_ERROR];
    page_t              page;
    unsigned            i, k, n;
    llm_query_t         query;
    llm_cursor_t        cursor;
    llm_query_result_t  result;
    static const uint64_t  ends[] = {
        0, 1, 2, 1024, 1025, ROWS, ROWS + 1, INT64_MAX,
        (uint64_t) INT64_MAX + 1, UINT64_MAX - 1, UINT64_MAX
    };

    n = sizeof(ends) / sizeof(ends[0]);
    good = true;

    memset(&query, 0, sizeof(query));
    query.limit = 5;
    query.filter = filter_of("team=team-3");
    mark(query.filter);

    for (i = 0; i < 500; i++) {
        query.sort = (llm_sort_t) (i % 5);
        query.ascending = i / 5 % 2;

        cursor.fresh = rows_below(&random_rows, 2);
        cursor.value = (int64_t) ends[rows_below(&random_rows, n)];
        cursor.seq = ends[rows_below(&random_rows, n)];
        cursor.low = ends[rows_below(&random_rows, n)];
        cursor.high = ends[rows_below(&random_rows, n)];

        llm_cursor_text(&cursor, query.sort, query.ascending, query.cursor);
        page = (page_t) { .n = 0 };

        good &= llm_query(store, &query, take, &page, &result, error)
                == LLM_OK && !page.wrong && page.n <= query.limit;

        for (k = 0; k < page.n; k++) {
            good &= known[page.seqs[k]].matches;
        }
    }

    ok(good, "%u made up cursors show rows that match, or none", i);
    llm_filter_free(query.filter);
}


static int
same(const llm_row_t *row, uint64_t seq, void *ctx)
{
    unsigned char  again[LLM_ROW_MAX];
    uint64_t      *wanted = ctx;
    llm_str_t      bytes;

    bytes = row_bytes((unsigned) *wanted);

    if (seq != *wanted
        || llm_row_encode(row, again, sizeof(again)) != bytes.len
        || memcmp(again, bytes.data, bytes.len) != 0)
    {
        *wanted = 0;
    }

    return LLM_OK;
}


static void
test_ids(void)
{
    uint64_t       wanted;
    unsigned       i, found;
    unsigned char  id[LLM_ROW_ID_SIZE];

    for (i = 1, found = 0; i <= ROWS; i += 97) {
        wanted = i;

        if (llm_query_id(store, known[i].id, same, &wanted) != LLM_OK
            || wanted == 0)
        {
            break;
        }

        found++;
    }

    ok(i > ROWS, "%u rows are found by their id", found);

    wanted = 1;
    memcpy(id, known[100].id, sizeof(id));
    id[15] ^= 1;
    ok(llm_query_id(store, id, same, &wanted) == LLM_AGAIN,
       "an id that is not there");
    memset(id, 0xff, sizeof(id));
    ok(llm_query_id(store, id, same, &wanted) == LLM_AGAIN,
       "an id of no time");
}


static void
test_content(void)
{
    llm_buf_t  text;

    llm_buf_init(&text, 1000);

    ok(llm_query_content(store, known[7].id, 1, &text) == LLM_OK
       && text.len == 5 && memcmp(text.data, "asked", 5) == 0
       && llm_query_content(store, known[7].id, 2, &text) == LLM_AGAIN
       && llm_query_content(store, known[8].id, 1, &text) == LLM_AGAIN,
       "logged content");

    llm_buf_free(&text);
}


static void
test_since(void)
{
    bool       good;
    page_t     page;
    uint64_t   seq, lost, oldest, next;
    unsigned   i;

    ok(llm_query_ends(store, &oldest, &next) == LLM_OK && oldest == 1
       && next == ROWS + 1, "rows from 1 to %u", ROWS);

    seq = 0;
    good = true;

    for (i = 1; i <= ROWS; /* void */) {
        page = (page_t) { .enough = rows_below(&random_rows, 3) ? 0 : 11 };

        if (llm_query_since(store, &seq, 1 + rows_below(&random_rows, 900),
                            take, &page, &lost) != LLM_OK
            || lost != 0 || page.n == 0 || page.wrong)
        {
            good = false;
            break;
        }

        while (page.n > 0 && page.seqs[0] == i) {
            i++;
            memmove(page.seqs, page.seqs + 1, --page.n * sizeof(uint64_t));
        }

        good &= (page.n == 0 && seq == i);
    }

    ok(good, "all rows in order, however many at a time");

    page = (page_t) { .enough = 0 };
    ok(llm_query_since(store, &seq, 10, take, &page, &lost) == LLM_OK
       && page.n == 0 && seq == ROWS + 1, "then none");
}


static void
test_params(void)
{
    char                 error[LLM_FILTER_ERROR];
    size_t               i;
    page_t               page;
    llm_query_t          query;
    llm_query_result_t   result;
    static const char   *bad[][2] = {
        { "limit", "0" }, { "limit", "-1" }, { "limit", "1001" },
        { "limit", "" }, { "limit", "5x" }, { "limit", "99999999999" },
        { "sort", "price" }, { "sort", "" }, { "order", "up" },
        { "cursor", "" }, { "cursor", "x" }, { "cursor", "00" },
        { "cursor", "10000000000000000000000000" }
    };

    memset(&query, 0, sizeof(query));

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(llm_query_param(&query, (llm_str_t) { bad[i][0],
                                                 strlen(bad[i][0]) },
                           (llm_str_t) { bad[i][1], strlen(bad[i][1]) },
                           error) == LLM_ERROR
           && error[0] == '"' && strstr(error, bad[i][0]) == error + 1,
           "%s=%s: %s", bad[i][0], bad[i][1], error);
    }

    ok(llm_query_param(&query, llm_str("limit"), llm_str("2"), error)
       == LLM_OK && query.limit == 2
       && llm_query_param(&query, llm_str("sort"), llm_str("tokens"), error)
       == LLM_OK && query.sort == LLM_SORT_TOKENS
       && llm_query_param(&query, llm_str("order"), llm_str("asc"), error)
       == LLM_OK && query.ascending
       && llm_query_param(&query, llm_str("team"), llm_str("x"), error)
       == LLM_AGAIN, "good ones, and one that is not ours");

    page = (page_t) { .enough = 0 };
    llm_query(store, &query, take, &page, &result, error);

    ok(result.rows == 2 && strlen(result.next) < LLM_CURSOR_SIZE
       && llm_query_param(&query, llm_str("cursor"),
                          (llm_str_t) { result.next, strlen(result.next) },
                          error) == LLM_OK, "a cursor is taken back");

    query.sort = LLM_SORT_COST;
    ok(llm_query(store, &query, take, &page, &result, error) == LLM_ERROR
       && strstr(error, "same \"sort\""), "with another sort it is not: %s",
       error);

    query.sort = LLM_SORT_TOKENS;
    query.cursor[20] ^= 1;
    ok(llm_query_param(&query, llm_str("cursor"),
                       (llm_str_t) { query.cursor, strlen(query.cursor) },
                       error) == LLM_ERROR, "nor is a damaged one");
}


static void
test_formats(void)
{
    char        csv[4096];
    llm_buf_t   buf;
    llm_row_t   row;

    memset(&row, 0, sizeof(row));
    llm_buf_init(&buf, 1 << 20);

    row.ended_ms = INT64_C(1795437296789);
    row.received_ms = row.ended_ms - 1134;
    row.first_token_ms = row.received_ms + 600;
    row.team = llm_str("=cmd|' /C calc'!A0");
    row.virtual_key = llm_str("a,\"b\"\r\n");
    row.customer = llm_str("x\0\xff\xc3\xa4");
    row.cost.total = 3030000;
    row.ntags = 2;
    row.tags[0] = llm_str("one");
    row.tags[1] = llm_str("t\"wo");
    row.nattempts = 1;
    row.attempts[0].provider = llm_str("east");
    row.attempts[0].first_token_ms = -1;

    llm_row_json(&buf, &row, 9);
    llm_buf_append(&buf, "", 1);

    ok(strstr(buf.data, "{\"seq\":9,\"id\":\"00000000000000000000000000000000"
              "\",\"time\":\"2026-11-23T12:34:56.789Z\",\"received\":\""
              "2026-11-23T12:34:55.655Z\",\"first_token\":\""
              "2026-11-23T12:34:56.255Z\",\"virtual_key\":\"a,\\\"b\\\""
              "\\r\\n\",\"team\":\"=cmd|' /C calc'!A0\",\"customer\":\"x"
              "\\u0000\xef\xbf\xbd\xc3\xa4\",\"provider\":null") == buf.data,
       "JSON begins well");
    ok(strstr(buf.data, "\"cost\":0.00303,") && strstr(buf.data,
       "\"latency_ms\":1134,\"first_token_ms\":600,") && strstr(buf.data,
       "\"status\":null,") && strstr(buf.data, "\"tags\":[\"one\",\"t\\\"wo\"]"
       ) && strstr(buf.data, "\"attempts\":[{\"provider\":\"east\",\"region\":"
       "null,") && strstr(buf.data, "\"first_token_ms\":null,\"status\":null,"
       "\"result\":\"ok\",\"input_tokens\":0,\"output_tokens\":0,\"cost\":0}]}"
       ), "JSON goes on well");

    buf.len = 0;
    llm_row_csv(&buf, &row, 9);
    memcpy(csv, buf.data, buf.len);
    csv[buf.len] = '\0';

    ok(strstr(csv, "9,00000000000000000000000000000000,"
              "2026-11-23T12:34:56.789Z,2026-11-23T12:34:55.655Z,"
              "2026-11-23T12:34:56.255Z,\"a,\"\"b\"\"\r\n\",'=cmd|' /C calc'!"
              "A0,x\xef\xbf\xbd\xef\xbf\xbd\xc3\xa4,,") == csv
       && strstr(csv, ",\"one,t\"\"wo\",false,false,false,1,\r\n"),
       "CSV is quoted, and no formula: %.60s", csv);

    buf.len = 0;
    row.virtual_key = llm_str("k");
    row.tags[1] = llm_str("two");
    llm_row_csv_head(&buf);
    llm_row_csv(&buf, &row, 9);
    memcpy(csv, buf.data, buf.len);
    csv[buf.len] = '\0';

    {
        char      *p;
        unsigned   heads, cells;

        for (p = csv, heads = 0; *p != '\r'; p++) {
            heads += (*p == ',');
        }

        for (p += 2, cells = 0; *p != '\r'; p++) {
            cells += (*p == ',');
        }

        ok(heads == cells - 1, "as many cells as heads (one comma is a "
           "tag's)");
    }

    buf.len = 0;
    llm_attempt_csv_head(&buf);
    llm_attempt_csv(&buf, &row, 9);
    llm_attempt_ndjson(&buf, &row, 9);
    llm_buf_append(&buf, "", 1);

    ok(strstr(buf.data, "\r\n00000000000000000000000000000000,9,1,"
              "2026-11-23T12:34:56.789Z,k,") && strstr(buf.data,
              "\r\n{\"log\":\"00000000000000000000000000000000\",\"seq\":9,"
              "\"attempt\":1,\"time\":\"2026-11-23T12:34:56.789Z\","
              "\"virtual_key\":\"k\","),
       "attempts by themselves");

    llm_buf_free(&buf);
}


/* ---- rows come and go between pages ---- */

#define MOVING  3000


typedef struct {
    bool       seen[MOVING + 1];
    bool       twice;
    uint64_t   next;                /* of rows, before the first page */
} moving_t;


static int
more_rows(llm_store_t *to, MDB_txn *txn, void *ctx)
{
    int             rc;
    uint64_t        seq;
    unsigned        i, *n = ctx;
    llm_row_t       row;
    unsigned char   bytes[LLM_ROW_MAX];

    for (i = 0, rc = 0; i < *n && rc == 0; i++) {
        rc = llm_log_next(to, txn, &seq);

        rows_row(&random_rows, &row, ROWS_START + (int64_t) seq * 1000);
        row.ended_ms = ROWS_START + (int64_t) seq * 1000;

        if (rc == 0) {
            rc = llm_log_append(to, txn, (llm_str_t) { (char *) bytes,
                                llm_row_encode(&row, bytes, sizeof(bytes)) },
                                &seq);
        }
    }

    return rc ? rc : llm_log_seal(to, txn, 100);
}


static int
note(const llm_row_t *row, uint64_t seq, void *ctx)
{
    moving_t  *moving = ctx;

    if (seq < moving->next) {
        moving->twice |= moving->seen[seq];
        moving->seen[seq] = true;
    }

    return LLM_OK;
}


/* all pages of an order, while each time some rows come, and the oldest go */
static bool
walk_moving(llm_store_t *to, llm_query_t *query, moving_t *moving)
{
    bool                 more;
    char                 error[LLM_FILTER_ERROR];
    uint64_t             oldest, next;
    unsigned             few;
    llm_retention_t      retention;
    llm_query_result_t   result;

    memset(moving, 0, sizeof(moving_t));
    memset(&retention, 0, sizeof(retention));
    llm_query_ends(to, &oldest, &moving->next);
    few = 11;

    do {
        if (llm_query(to, query, note, moving, &result, error) != LLM_OK) {
            return false;
        }

        strcpy(query->cursor, result.next);

        llm_query_ends(to, &oldest, &next);
        retention.rows_ms = (MOVING / 2) * 1000;

        if (llm_store_write(to, more_rows, &few) != LLM_OK
            || llm_retention_run(to, &retention,
                                 ROWS_START + (int64_t) next * 1000, &more)
               != LLM_OK)
        {
            return false;
        }
    } while (result.next[0] != '\0');

    llm_query_ends(to, &oldest, &next);

    while (oldest < moving->next && moving->seen[oldest]) {
        oldest++;
    }

    return !moving->twice && oldest == moving->next;
}


static void
test_moving(void)
{
    char              path[64], name[96];
    unsigned          i, few;
    const char       *error;
    llm_query_t       query;
    llm_store_t      *to;
    static moving_t   moving;

    snprintf(path, sizeof(path), "%s/moving", dir);

    for (i = 0; i < 10; i++) {
        to = llm_store_open(path, &error);
        few = MOVING - 1;

        if (to == NULL || llm_store_write(to, more_rows, &few) != LLM_OK) {
            ok(0, "a store with rows: %s", to ? llm_store_error(to) : error);
            return;
        }

        memset(&query, 0, sizeof(query));
        query.sort = (llm_sort_t) (i % 5);
        query.ascending = i / 5;
        query.limit = 40;

        ok(walk_moving(to, &query, &moving), "sort %u ascending %d: while rows "
           "come and go, each that stays is shown, and once", query.sort,
           query.ascending);

        llm_store_close(to);
        snprintf(name, sizeof(name), "%s/data.mdb", path);
        unlink(name);
        snprintf(name, sizeof(name), "%s/lock.mdb", path);
        unlink(name);
        rmdir(path);
    }
}


/* one bit of the first block, at a distance from its end */
static int
damage(llm_store_t *to, MDB_txn *txn, void *ctx)
{
    int             rc;
    size_t         *back = ctx;
    MDB_val         key, value;
    unsigned char   first[8], *copy;

    llm_be_put(first, 8, 1);
    key = (MDB_val) { sizeof(first), first };
    rc = mdb_get(txn, to->blocks, &key, &value);

    if (rc != 0) {
        return rc;
    }

    copy = malloc(value.mv_size);
    memcpy(copy, value.mv_data, value.mv_size);
    copy[value.mv_size - *back] ^= 1;
    value.mv_data = copy;

    rc = mdb_put(txn, to->blocks, &key, &value, 0);
    free(copy);

    return rc;
}


static bool
says_damaged(llm_sort_t sort, bool ascending)
{
    char                error[LLM_FILTER_ERROR];
    page_t              page = { .n = 0 };
    llm_query_t         query;
    llm_query_result_t  result;

    memset(&query, 0, sizeof(llm_query_t));
    query.sort = sort;
    query.ascending = ascending;
    query.limit = LLM_QUERY_LIMIT_MAX;
    error[0] = '\0';

    return llm_query(store, &query, take, &page, &result, error) == LLM_ERROR
           && strstr(error, "scripts/store verify") != NULL;
}


/* rows of a block that is not as it was written are never shown */
static void
test_damaged(void)
{
    page_t    page = { .n = 0 };
    size_t    back;
    uint64_t  wanted, seq, lost;

    for (back = 1; back < 100000; back += 33000) {
        llm_store_write(store, damage, &back);

        wanted = 3;
        seq = 3;

        ok(says_damaged(LLM_SORT_TIME, true)
           && llm_query_id(store, known[3].id, same, &wanted) == LLM_ERROR
           && llm_query_since(store, &seq, 10, take, &page, &lost)
              == LLM_ERROR
           && page.n == 0,
           "a bit that changed %zu bytes before a block's end is said", back);
        ok(!says_damaged(LLM_SORT_TIME, false),
           "rows of other blocks are shown");

        llm_store_write(store, damage, &back);
    }

    ok(!says_damaged(LLM_SORT_TIME, true), "and put back: well");
}


int
main(void)
{
    char  path[128];

    random_rows = rows_begin(42);

    make_store();
    test_pages();
    test_enough();
    test_tired();
    test_forged();
    test_ids();
    test_content();
    test_since();
    test_params();
    test_formats();
    test_moving();
    test_damaged();

    llm_store_close(store);
    llm_buf_free(&encoded);
    free(random_rows.text);

    snprintf(path, sizeof(path), "%s/data.mdb", dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/lock.mdb", dir);
    unlink(path);
    rmdir(dir);

    return plan_done();
}
