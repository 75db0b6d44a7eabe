#!/usr/bin/perl

# The request log: every filter and combinations of them against a scan of the
# whole log here, pages that show each row exactly once, forms, bad requests.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use List::Util qw(shuffle);
use Test::More;
use Time::HiRes qw(sleep);

my @names = qw(ann ann-batch bob);
my %secret = map { ($_ => "sk-test-logs-$_-0123456789") } @names;
my $sonnet = 'anthropic.claude-sonnet-4-20250514-v1:0';
my $nova = 'amazon.nova-lite-v1:0';

my $t = LLM::Test->gateway(workers => 2,
    provider => provider('east', 'max_failures 100000;')
        . provider('west', 'region us-west-2; max_failures 100000;'),
    http => "
    llm_store store sync=50ms;
    llm_unpriced_model allow;
    llm_route both { provider east weight=1; provider west weight=1; }
    llm_customer acme { }
    llm_team ml { customer acme; }
    llm_team web { }
    llm_virtual_key ann { secret $secret{ann}; team ml; route both;
        llm_log_content request response; }
    llm_virtual_key ann-batch { secret $secret{'ann-batch'}; team ml;
        route both; llm_rate_limit requests=400/1h; }
    llm_virtual_key bob { secret $secret{bob}; team web; }
", server => '
    location /nolog/ { llm_status; }
');

$t->start_sim->start;

# calls of many kinds; the generator is seeded, so that a failure comes again

srand(20);

sub pick { return $_[int rand @_] }

sub call {
    my ($i) = @_;

    my $who = pick(@names);
    my %sim = (input => 1 + int rand 2000, output => 1 + int rand 500);
    $sim{cache_read} = int rand 3000 if rand() < 0.3;
    $sim{cache_write_5m} = int rand 3000 if rand() < 0.2;
    $sim{cache_write_1h} = int rand 3000 if rand() < 0.1;

    if (rand() < 0.15) {
        $sim{status} = pick(400, 429, 500, 503);
        $sim{error} = { 400 => 'ValidationException',
                        429 => 'ThrottlingException',
                        500 => 'InternalServerException',
                        503 => 'ServiceUnavailableException'
                      }->{$sim{status}};
    }

    my %headers = (Authorization => 'Bearer '
        . (rand() < 0.05 ? 'sk-test-logs-nobody-012345' : $secret{$who}));
    $headers{'User-Agent'} = pick('curl/8.5', 'Anthropic/JS 0.5 (x"y,z)',
                                  "=cmd()") if rand() < 0.8;
    $headers{'x-llm-tags'} = join ',', grep { rand() < 0.5 }
        qw(nightly eval team:red);
    delete $headers{'x-llm-tags'} if $headers{'x-llm-tags'} eq '';
    $headers{'x-session-id'} = 'run-' . int rand 30 if rand() < 0.5;

    my $text = sim(%sim);
    my $kind = int rand 5;

    if ($kind == 0) {
        my $body = { model => $sonnet, max_tokens => 600, messages => [
            { role => 'user', content => $text } ] };
        $body->{metadata} = { user_id => 'user-' . int rand 4 };
        $body->{stream} = JSON::PP::true() if rand() < 0.5;
        return [ '/anthropic/v1/messages', \%headers, $body ];
    }

    if ($kind == 1) {
        my $stream = rand() < 0.5 ? 'converse-stream' : 'converse';
        return [ invoke_path($nova, $stream), \%headers, converse($text) ];
    }

    my $model = pick($LLM::Test::haiku, $sonnet, 'vendor.unheard-of-v1:0');
    return [ invoke_path($model, $kind == 2
                         ? 'invoke-with-response-stream' : 'invoke'),
             \%headers, claude($text) ];
}

my $calls = 1300;
my @results = $t->load(8, map {
    my ($path, $headers, $body) = @{ call($_) };
    { path => $path, headers => $headers, body => json_encode($body) }
} 1 .. $calls);

is(scalar @results, $calls, 'calls of all kinds');

# the whole log, page by page, is what everything else is held against

sub rows {
    my ($query, %o) = @_;

    my (@rows, $next);
    my $pages = 0;

    do {
        my $r = $t->get("/llm/logs?format=ndjson&$query"
                        . (defined $next ? "&cursor=$next" : ''));
        if ($r->{status} != 200) {
            fail("$query: $r->{status} $r->{body}");
            return;
        }
        push @rows, $o{seqs} ? $r->{body} =~ /^\{"seq":(\d+),/mg
                             : map { json_decode($_) } split /\n/, $r->{body};
        $next = $r->{headers}{'x-llm-next'};
        $pages++;
    } while (defined $next && $pages < 1000);

    return @rows;
}

ok(wait_for(sub { ($t->get('/llm/logs?limit=1')->{json}{logs}[0]{seq} // 0)
                  >= $calls }), 'all are in the log');

my @log = rows('limit=1000');
is(scalar @log, $calls, 'one row for each');
ok(!grep({ $log[$_]{seq} != $calls - $_ } 0 .. $#log),
   'the newest first, none missing, none twice');

my %kinds;
for my $row (@log) {
    $kinds{$_}++ for @$row{qw(status api price cache)};
    $kinds{"$_ 1h"}++ for grep { $row->{tokens}{cache_write_1h} } $row->{cache};
}

ok($kinds{$_}, "there are $_") for qw(200 400 401 429 anthropic_messages
    bedrock_converse_stream bedrock_invoke exact unpriced hit write),
    'write 1h';

# a filter as this test understands the documentation

sub text_of { my ($value) = @_; return defined $value ? $value : '' }

sub one_of {
    my ($value, $list) = @_;

    my $not = $list =~ s/^!//;
    my $hit = grep {
        my $wanted = $_;
        my $re = join '.*', map { quotemeta } split /\*/, $wanted, -1;
        $wanted =~ /\*/ ? $value =~ /^$re$/s && $value ne ''
                        : $value eq $wanted
    } length $list ? split(/,/, $list, -1) : '';

    return $not ? !$hit : !!$hit;
}

sub any_of {
    my ($values, $list) = @_;

    my $not = $list =~ s/^!//;
    my $hit = grep { one_of($_, $list) } @$values ? @$values : '';
    return $not ? !$hit : !!$hit;
}

sub status_of {
    my ($value, $list) = @_;

    my $not = $list =~ s/^!//;
    my $hit = grep { my $s = $_; $s =~ s/xx$/../; $value =~ /^$s$/ }
        split /,/, $list;
    return $not ? !$hit : !!$hit;
}

my %number = (
    cost => sub { $_[0]{cost} },
    (map { my $part = $_; ("cost_$part" => sub { $_[0]{cost_parts}{$part} }) }
        qw(input output cache_read cache_write other earlier_attempts)),
    images => sub { $_[0]{images} }, queries => sub { $_[0]{queries} },
    attempts => sub { @{ $_[0]{attempts} } },
    tokens => sub { $_[0]{tokens}{total} },
    input_tokens => sub { $_[0]{tokens}{input} },
    output_tokens => sub { $_[0]{tokens}{output} },
    cache_read_tokens => sub { $_[0]{tokens}{cache_read} },
    cache_write_tokens => sub { $_[0]{tokens}{cache_write_5m}
                                + $_[0]{tokens}{cache_write_1h} },
    cache_write_5m_tokens => sub { $_[0]{tokens}{cache_write_5m} },
    cache_write_1h_tokens => sub { $_[0]{tokens}{cache_write_1h} },
    reasoning_tokens => sub { $_[0]{tokens}{reasoning} },
    latency => sub { $_[0]{latency_ms} },
    first_token => sub { $_[0]{first_token_ms} },
    overhead => sub { $_[0]{overhead_us} },
    request_bytes => sub { $_[0]{request_bytes} },
    response_bytes => sub { $_[0]{response_bytes} },
);

sub matches {
    my ($row, $name, $value) = @_;

    if ($name =~ /^(.*)_(min|max)$/) {
        my $end = $2;
        my $n = $number{$1}->($row);
        return defined $n && ($end eq 'min' ? $n >= $value : $n <= $value);
    }

    return status_of($row->{status}, $value) if $name eq 'status';
    return any_of($row->{tags}, $value) if $name eq 'tag';
    return any_of([ map { text_of($_->{$1}) } @{ $row->{attempts} } ], $value)
        if $name =~ /^(?:attempt|provider)_(provider|result|request_id)$/;
    return !!grep { $_ eq $row->{id} } split /,/, lc $value if $name eq 'id';
    return $value eq (@{ $row->{attempts} } > 1 ? 'true' : 'false')
        if $name eq 'failover';
    return $value eq ($row->{$name} ? 'true' : 'false')
        if $name =~ /^(?:streamed|aborted|recovered|content)$/;
    return index(lc text_of($row->{user_agent}), lc $value) >= 0
        if $name eq 'user_agent';
    return index(lc text_of($row->{error_message}), lc $value) >= 0
        if $name eq 'text';
    return $row->{received} ge $value if $name eq 'received_from';
    return $row->{received} lt $value if $name eq 'received_to';
    return $row->{time} ge $value if $name eq 'from';
    return $row->{time} lt $value if $name eq 'to';

    if ($name eq 'error' || $name eq 'refusal') {
        my $is = text_of($row->{$name});
        return $value eq 'any' ? $is ne '' : $value eq 'none' ? $is eq ''
             : one_of($is, $value);
    }

    return one_of(text_of($row->{$name}), $value);
}

my ($answered) = map { $_->{attempts}[0]{request_id} }
    grep { $_->{status} == 200 } @log;

my @filters = (
    [ virtual_key => 'ann', 'ann*', '!ann', 'ann,bob', '', '!ann-*' ],
    [ team => 'ml', 'web', '!ml,web' ], [ customer => 'acme', '!acme' ],
    [ provider => 'east', 'west', 'e*' ],
    [ region => 'us-west-2', '!us-west-2' ],
    [ model => $sonnet, 'anthropic.*', '*sonnet*', '!*claude*', "!$nova" ],
    [ model_asked => $nova, 'vendor.*' ],
    [ dialect => 'anthropic', 'bedrock' ],
    [ api => 'anthropic_messages', '!bedrock_invoke',
      'bedrock_converse,bedrock_converse_stream' ],
    [ streamed => 'true', 'false' ], [ aborted => 'false' ],
    [ recovered => 'true', 'false' ], [ content => 'true', 'false' ],
    [ status => '200', '4xx', '429,5xx', '!2xx' ],
    [ outcome => 'ok', '!ok', 'client_error,provider_error' ],
    [ error => 'none', 'any', 'throttled', 'refused,server_error', '!refused' ],
    [ refusal => 'any', 'unknown_key', 'requests', '!unknown_key' ],
    [ price => 'exact', 'unpriced' ], [ cache => 'hit', 'write', 'none' ],
    [ failover => 'true', 'false' ], [ attempt_provider => 'west', '!west' ],
    [ attempt_result => 'ok', 'throttled', '!ok', 'server_error,client_error' ],
    [ provider_request_id => $answered, substr($answered, 0, 3) . '*', '',
      "!$answered", '*', 'req_1', uc substr($answered, 0, 8) . '*' ],
    [ id => "$log[5]{id}," . uc $log[700]{id}, '0' x 32 ],
    [ tier => 'default', 'flex', '!default' ],
    [ session => 'run-7', 'run-1*', '*n-2,*5', '!run-1,run-2', '' ],
    [ tag => 'nightly', 'team:*', '!eval', '' ],
    [ end_user => 'user-1', 'user-*', '*r-2,*3', '' ],
    [ user_agent => 'CURL', 'x"y', 'js' ],
    [ text => 'exception', 'KEY' ], [ client => '127.0.0.1', '10.*' ],
    [ cost_min => 0.001, 0.01 ], [ cost_max => 0.001, 0 ],
    [ cost_input_min => 0.0001, 0 ], [ cost_output_max => 0.001, 0 ],
    [ cost_output_min => 0.0001 ], [ cost_cache_read_min => 0.0001 ],
    [ cost_cache_write_max => 0.001 ], [ cost_other_max => 0 ],
    [ cost_earlier_attempts_max => 0 ], [ images_max => 0 ],
    [ queries_min => 1 ], [ tokens_min => 1, 1500 ], [ tokens_max => 0, 900 ],
    [ input_tokens_min => 700 ], [ output_tokens_max => 100 ],
    [ cache_read_tokens_min => 1 ], [ cache_write_tokens_min => 100 ],
    [ cache_write_5m_tokens_min => 1 ], [ cache_write_1h_tokens_max => 900 ],
    [ reasoning_tokens_max => 0 ], [ first_token_min => 0, 3 ],
    [ first_token_max => 2 ],
    [ attempts_min => 2 ], [ attempts_max => 0, 1 ],
    [ latency_min => 1, 20 ], [ latency_max => 5 ],
    [ overhead_min => 50 ], [ request_bytes_min => 300 ],
    [ response_bytes_max => 1000 ],
    [ received_from => $log[400]{received} ],
    [ received_to => $log[900]{received} ],
    [ from => $log[900]{time} ], [ to => $log[200]{time} ],
);

sub encoded {
    my ($text) = @_;

    $text =~ s/([^A-Za-z0-9._*!,-])/sprintf '%%%02X', ord $1/ge;
    return $text;
}

my ($asked, $wrong, $nonempty) = (0, 0, 0);

sub compare {
    my ($limit, @chosen) = @_;

    my %seen = map { ($_->[0] => $_->[1]) } @chosen;
    my $query = join '&', map { "$_=" . encoded($seen{$_}) } sort keys %seen;
    my @expected = map { $_->{seq} } grep {
        my $row = $_;
        !grep { !matches($row, $_, $seen{$_}) } keys %seen;
    } @log;
    my @found = rows("limit=$limit&$query", seqs => 1);

    $asked++;
    $nonempty++ if @expected;
    return if "@found" eq "@expected";

    $wrong++;
    diag("$query: found " . @found . ', expected ' . @expected)
        if $wrong < 10;
    return;
}

for my $filter (@filters) {
    my ($name, @values) = @$filter;
    compare(1000, [ $name, $_ ]) for @values;
}

is($wrong, 0, "$asked filters alone, as a scan finds them");

for (1 .. 150) {
    my @chosen = (shuffle(@filters))[0 .. 1 + int rand 3];
    my %chosen = map { ($_->[0] => pick(@{$_}[1 .. $#$_])) } @chosen;

    # a range that is upside down is an error, see below

    delete $chosen{s/_max$/_min/r} for grep { /_max$/ } keys %chosen;
    compare(pick(7, 50, 1000), map { [ $_, $chosen{$_} ] } keys %chosen);
}

is($wrong, 0, "and combined: $asked in all, $nonempty with rows");
cmp_ok($nonempty, '>', 100, 'enough of them say something');

# order and pages

my %order = (time => sub { $_[0]{seq} }, cost => $number{cost},
             tokens => $number{tokens}, latency => $number{latency});

for my $sort (sort keys %order) {
    for my $way (qw(desc asc)) {
        my @got = rows("sort=$sort&order=$way&limit=" . pick(97, 333)
                       . '&status=200');
        my %once = map { ($_->{seq} => 1) } @got;
        my @values = map { $order{$sort}->($_) } @got;
        my $bad = grep { $way eq 'asc' ? $values[$_ - 1] > $values[$_]
                                       : $values[$_ - 1] < $values[$_] }
            1 .. $#values;

        is(scalar keys %once, $kinds{200}, "$sort $way: each row");
        is(scalar @got, $kinds{200}, "$sort $way: once");
        is($bad, 0, "$sort $way: in order");
    }
}

my $page = $t->get('/llm/logs?limit=10')->{json};
my $more = $t->get("/llm/logs?limit=10&cursor=$page->{next}")->{json};
is($more->{logs}[0]{seq}, $page->{logs}[9]{seq} - 1, 'JSON: the next page');
is($t->get("/llm/logs?limit=1000&to=$log[-1]{time}")->{json}{next}, undef,
   'JSON: the last one');

# new rows do not move the pages of who reads on

$t->post(invoke_path($LLM::Test::haiku), claude('one more'),
         key => $secret{bob});
ok(wait_for(sub { $t->get('/llm/logs?limit=1')->{json}{logs}[0]{seq}
                  == $calls + 1 }), 'one more');
is($t->get("/llm/logs?limit=10&cursor=$page->{next}")->{json}{logs}[0]{seq},
   $page->{logs}[9]{seq} - 1, 'a cursor stays where it was');

# one row, and what was said

my ($said) = grep { $_->{content} && $_->{api} eq 'bedrock_invoke'
                    && $_->{status} == 200 } @log;
my $one = $t->get("/llm/logs/$said->{id}")->{json};
like($one->{content}{request}, qr/"anthropic_version"/, 'what was asked');
like($one->{content}{response}, qr/"content"/, 'and answered');
delete $_->{content} for $one, $said;
is_deeply($one, $said, 'a row by its id');

for my $case ([ 'bedrock_invoke_stream', 'type', qr/^message_start / ],
              [ 'bedrock_converse_stream', undef, qr/^messageStart / ])
{
    my ($api, $member, $starts) = @$case;

    my ($row) = grep { $_->{content} && $_->{api} eq $api
                       && $_->{status} == 200 } @log;
    my $answer = $t->get("/llm/logs/$row->{id}")->{json}{content}{response};
    my @kinds = map { my $event = json_decode($_);
                      $member ? $event->{$member} : keys %$event }
        split /\n/, $answer;
    like("@kinds", $starts, "$api: its events as lines of JSON");
    cmp_ok(scalar @kinds, '>', 3, 'all of them');
}

my ($unsaid) = grep { $_ != $said && !$_->{content} && $_->{virtual_key} }
    @log;
is_deeply($t->get("/llm/logs/$unsaid->{id}")->{json}, $unsaid,
          'a row without content');
is($t->get('/llm/logs/' . '0' x 32)->{status}, 404, 'no such row');
is($t->get('/llm/logs/' . uc $unsaid->{id})->{json}{id}, $unsaid->{id},
   'an id in capitals');

# CSV and attempts

sub csv {
    my ($text) = @_;

    my (@lines, @cells);

    while ($text =~ /\G(?:"((?:[^"]|"")*)"|([^,\r\n"]*))(,|\r\n|\z)/gc) {
        my ($quoted, $plain, $end) = ($1, $2, $3);
        $quoted =~ s/""/"/g if defined $quoted;
        push @cells, $quoted // $plain;
        next if $end eq ',';
        push @lines, [ @cells ] if $end ne '' || @cells > 1;
        @cells = ();
        last if $end eq '';
    }

    return @lines;
}

my $r = $t->get('/llm/logs?format=csv&limit=1000');
my ($head, @lines) = csv($r->{body});
my %column;
@column{@$head} = 0 .. $#$head;

like($r->{headers}{'content-disposition'}, qr/^attachment; filename=/,
     'CSV: a file');
is($r->{headers}{'content-type'}, 'text/csv; charset=utf-8', 'CSV: its type');
is(scalar @lines, 1000, 'CSV: a line for each row');
is(scalar(grep { @$_ != @$head } @lines), 0, 'CSV: as wide as its head');

my %by = map { ($_->{id} => $_) } @log;
my @differ = grep { my $row = $by{ $_->[$column{id}] };
                    $row && ($row->{cost} != $_->[$column{cost}]
                             || text_of($row->{virtual_key})
                                ne $_->[$column{virtual_key}]) } @lines;
is(scalar @differ, 0, 'CSV: the same numbers and names');
is(scalar(grep { $_->[$column{user_agent}] =~ /^=/ } @lines), 0,
   'CSV: no cell is a formula');
cmp_ok(scalar(grep { $_->[$column{user_agent}] eq 'Anthropic/JS 0.5 (x"y,z)' }
              @lines), '>', 10, 'CSV: quoted');

my $from = "to=$log[0]{time}&from=$log[499]{time}";
my @some = rows("limit=1000&$from");
my $all = 0;
$all += @{ $_->{attempts} } for @some;

$r = $t->get("/llm/logs?format=ndjson&rows=attempts&limit=1000&$from");
my @attempts = map { json_decode($_) } split /\n/, $r->{body};
is(scalar @attempts, $all, 'attempts: one line for each')
    or diag(substr $r->{body}, 0, 300);
(undef, @lines) = csv($t->get(
    "/llm/logs?format=csv&rows=attempts&limit=1000&$from")->{body});
is(scalar @lines, $all, 'attempts as CSV');

# what is wrong is said with its name, and what would be right

for my $case (
    [ 'colour=red', 'colour', qr/virtual_key.*sort.*format/ ],
    [ 'limit=0', 'limit', qr/1 to 1000/ ], [ 'limit=-1', 'limit', qr/1000/ ],
    [ 'limit=1001', 'limit', qr/1000/ ], [ 'limit=x', 'limit', qr/1000/ ],
    [ 'limit=', 'limit', qr/1000/ ], [ 'limit', 'limit', qr/name=value/ ],
    [ 'limit=1&limit=2', 'limit', qr/twice/ ],
    [ 'team=a&te%61m=b', 'team', qr/twice/ ],
    [ 'cursor=abc', 'cursor', qr/next/ ], [ 'cursor=', 'cursor', qr/next/ ],
    [ "sort=cost&cursor=$page->{next}", 'cursor', qr/next/ ],
    [ 'cursor=' . 'a' x 5000, 'cursor', qr/next/ ],
    [ 'sort=name', 'sort', qr/time, cost/ ], [ 'order=up', 'order', qr/asc/ ],
    [ 'format=xml', 'format', qr/json, ndjson or csv/ ],
    [ 'rows=all', 'rows', qr/attempts/ ],
    [ 'rows=attempts', 'rows', qr/ndjson/ ],
    [ 'status=abc', 'status', qr/5xx/ ], [ 'status=', 'status', qr/5xx/ ],
    [ 'status=6xx', 'status', qr/1xx to 5xx/ ],
    [ 'error=sad', 'error', qr/throttled/ ],
    [ 'streamed=maybe', 'streamed', qr/true/ ],
    [ 'model=claude*opus', 'model', qr/have it/ ],
    [ 'tokens_min=-5', 'tokens_min', qr/number/ ],
    [ 'tokens_max=99999999999999999999', 'tokens_max', qr/number/ ],
    [ 'cost_min=free', 'cost_min', qr/dollars/ ],
    [ 'cost_max=-1', 'cost_max', qr/dollars/ ],
    [ 'cost_min=2&cost_max=1', 'cost_max', qr/below/ ],
    [ 'from=tomorrowish', 'from', qr/2026/ ],
    [ 'from=now&to=-1h', 'to', qr/before/ ],
    [ 'period=3x', 'period', qr/today/ ],
    [ 'id=123', 'id', qr/32 hex/ ], [ 'api=soap', 'api', qr/invoke/ ],
    [ 'a=%', 'a', qr/%25/ ], [ 'a=%zz', 'a', qr/%25/ ],
    [ 'a=%00', 'a', qr/%25/ ], [ '=x', undef, qr/there is no parameter/ ],
    [ join('&', map { "p$_=1" } 1 .. 70), undef, qr/more than 64/ ],
    [ "%ff%fe=1", "\x{fffd}\x{fffd}", qr/no parameter/ ],
) {
    my ($query, $field, $says) = @$case;

    my $answer = $t->get("/llm/logs?$query");
    my $error = $answer->{json}{error};
    my $short = substr $query, 0, 40;
    is($answer->{status}, 400, "$short: 400");
    is($error->{field}, $field, "$short: which");
    like($error->{message} // '', $says, "$short: what it takes");
}

is($t->get("/llm/logs/$said->{id}?x=1")->{status}, 400, 'an id alone');
is($t->get('/llm/logs?text=a+b%2Bc')->{status}, 200, 'plus and %2B');
is($t->post('/llm/logs', 'x')->{status}, 405, 'POST');
is($t->request('HEAD', '/llm/logs')->{body}, '', 'HEAD');

my $status = $t->get('/llm/', headers => { Accept => 'text/html' })->{body};
like($status, qr/href="logs\?format=csv/, 'the page leads to the log');

# many at once wait their turn, or are told to come again

my @many = $t->load(200, map { { method => 'GET', headers => {},
    path => '/llm/logs?limit=1000&text=nothing' . $_ } } 1 .. 400);
my %answers;
$answers{$_->{status}}++ for @many;
is(($answers{200} // 0) + ($answers{429} // 0), 400,
   'four hundred queries: answered or told to wait')
    or diag(join ', ', map { "$_: $answers{$_}" } sort keys %answers);
cmp_ok($answers{200} // 0, '>=', 72, 'those that one worker takes at least');

$t->finish;

# without a store there is no log, and it is said why

my $bare = LLM::Test->gateway(http => "
    llm_virtual_key k { secret $secret{bob}; }");
$bare->start;

for my $path ('logs', 'logs/' . '0' x 32, 'spend', 'stats', 'live') {
    my $answer = $bare->get("/llm/$path");
    is($answer->{status}, 404, "$path without llm_store");
    like($answer->{json}{error}{message}, qr/llm_store/, 'which is missing');
}

$bare->finish;
done_testing;
