#!/usr/bin/perl

# Spend and statistics: every grouping against sums over the rows of the log,
# to the nanodollar; intervals, forms, order, bad requests.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;

my %secret = map { ($_ => "sk-test-spend-$_-0123456789") } qw(ann bob eve);
my $nova = 'amazon.nova-lite-v1:0';

my $t = LLM::Test->gateway(workers => 2,
    provider => provider('east', 'max_failures 100000;')
        . provider('west', 'region us-west-2; max_failures 100000;'),
    http => "
    llm_store store sync=50ms;
    llm_route both { provider east weight=1; provider west weight=1; }
    llm_customer acme { }
    llm_team ml { customer acme; }
    llm_virtual_key ann { secret $secret{ann}; team ml; route both; }
    llm_virtual_key bob { secret $secret{bob}; team ml; route both; }
    llm_virtual_key eve { secret $secret{eve}; route both;
        llm_rate_limit requests=120/1h; }
");

$t->start_sim->start;

srand(7);

sub pick { return $_[int rand @_] }

my $calls = 500;

$t->load(8, map {
    my %sim = (input => 1 + int rand 5000, output => 1 + int rand 900);
    $sim{cache_read} = 1 + int rand 900 if rand() < 0.3;
    %sim = (status => 400, error => 'ValidationException')
        if rand() < 0.05;
    my $tags = join ',', grep { rand() < 0.5 } qw(nightly eval);
    my %headers = (Authorization => 'Bearer ' . $secret{pick(keys %secret)},
                   length $tags ? ('x-llm-tags' => $tags) : ());

    rand() < 0.5
    ? { path => '/anthropic/v1/messages', headers => \%headers,
        body => json_encode({ model => $LLM::Test::haiku, max_tokens => 1000,
            metadata => { user_id => 'user-' . int rand 3 },
            messages => [ { role => 'user', content => sim(%sim) } ] }) }
    : { path => invoke_path($nova, 'converse'), headers => \%headers,
        body => json_encode(converse(sim(%sim))) }
} 1 .. $calls);

ok(wait_for(sub { ($t->get('/llm/logs?limit=1')->{json}{logs}[0]{seq} // 0)
                  >= $calls }), 'all calls are in the log');

my @log = map { json_decode($_) } split /\n/,
    $t->get('/llm/logs?format=ndjson&limit=1000')->{body};
is(scalar @log, $calls, 'a row for each');

# sums of the log

sub values_of {
    my ($row, $name) = @_;

    return @{ $row->{tags} } ? @{ $row->{tags} } : '' if $name eq 'tag';
    return $row->{$name} // '';
}

sub add {
    my ($sum, $row) = @_;

    $sum->{refused}++ if defined $row->{refusal};
    $sum->{requests}++ unless defined $row->{refusal};
    $sum->{errors}++ if !defined $row->{refusal} && defined $row->{error};
    $sum->{cost} += LLM::Test::nano($row->{cost});
    $sum->{input_tokens} += $row->{tokens}{input};
    $sum->{output_tokens} += $row->{tokens}{output};
    $sum->{cache_read_tokens} += $row->{tokens}{cache_read};
    return;
}

my @sums = qw(requests errors refused input_tokens output_tokens
              cache_read_tokens cost);

sub text {
    my ($sum) = @_;

    return join ' ', map { $_ . '=' . ($sum->{$_} // 0) } @sums;
}

# a call that failed over has costs at several providers; there are none here

is(scalar(grep { @{ $_->{attempts} } > 1 } @log), 0, 'one attempt each');

for my $group ('customer', 'team', 'virtual_key', 'provider', 'region',
               'model', 'dialect', 'end_user', 'tag', 'team,model',
               'virtual_key,provider,region', 'dialect,end_user',
               'customer,team,virtual_key,provider,region,model,dialect,tag')
{
    my @names = split /,/, $group;
    my (%expected, %total);

    for my $row (@log) {
        my @keys = ('');

        for my $name (@names) {
            @keys = map { my $key = $_;
                          map { "$key$_|" } values_of($row, $name) } @keys;
        }

        add($expected{$_} //= {}, $row) for @keys;
        add(\%total, $row);
    }

    my $r = $t->get("/llm/spend?group_by=$group&limit=10000&period=24h");
    is($r->{status}, 200, "by $group");

    my %found;

    for my $row (@{ $r->{json}{rows} }) {
        my $key = join '', map { ($row->{$_} // '') . '|' } @names;
        $row->{cost} = LLM::Test::nano($row->{cost});
        $found{$key} = text($row);
    }

    is_deeply(\%found, { map { ($_ => text($expected{$_})) } keys %expected },
              "by $group: the sums of the log");

    my $all = $r->{json}{total};
    $all->{cost} = LLM::Test::nano($all->{cost});
    is(text($all), text(\%total), "by $group: in all");
}

# what is spent is what was charged

my %spent = map { ($_->{virtual_key} => LLM::Test::nano($_->{cost})) }
    @{ $t->get('/llm/spend?group_by=virtual_key&period=24h')->{json}{rows} };

for my $name (sort keys %secret) {
    is($spent{$name}, $t->spent(virtual_key => $name),
       "$name: the counter's own figure");
}

# filters, intervals

my ($ann) = $t->get('/llm/spend?virtual_key=ann&group_by=model&period=24h')
    ->{json};
my $sum = 0;
$sum += LLM::Test::nano($_->{cost}) for grep {
    ($_->{virtual_key} // '') eq 'ann' } @log;
is(LLM::Test::nano($ann->{total}{cost}), $sum, 'of one key');

my $two = $t->get('/llm/spend?model=amazon.*&tag=nightly&period=24h')->{json};
$sum = 0;
$sum += LLM::Test::nano($_->{cost}) for grep {
    ($_->{model} // '') eq $nova && grep { $_ eq 'nightly' } @{ $_->{tags} }
} @log;
is(LLM::Test::nano($two->{total}{cost}), $sum, 'of a model and a tag');

for my $interval (qw(minute hour day week month)) {
    my $r = $t->get("/llm/spend?interval=$interval&period=24h")->{json};
    my $requests = 0;
    $requests += $_->{requests} for @{ $r->{rows} };
    is($requests, $r->{total}{requests}, "by $interval: everything");
    is($r->{interval}, $interval, "by $interval: says so");
    is(scalar(grep { $_->{time} !~ /^\d{4}-\d\d-\d\dT\d\d:\d\d:00Z$/ }
              @{ $r->{rows} }), 0, "by $interval: times");
}

my %minute;
add($minute{ substr $_->{time}, 0, 16 } //= {}, $_) for @log;
is_deeply({ map { $_->{cost} = LLM::Test::nano($_->{cost});
                  (substr($_->{time}, 0, 16) => text($_)) }
            @{ $t->get('/llm/spend?interval=minute&period=1h')
               ->{json}{rows} } },
          { map { ($_ => text($minute{$_})) } keys %minute },
          'by minute: the sums of the log');

is(scalar @{ $t->get('/llm/spend?from=2020-01-01&to=2020-02-01')
             ->{json}{rows} // [] }, 0, 'a time without calls');

# order, length, forms

my @costs = map { $_->{cost} } @{ $t->get('/llm/spend?group_by=virtual_key,'
    . 'model,provider&sort=cost&order=desc&period=24h')->{json}{rows} };
ok(!grep({ $costs[$_ - 1] < $costs[$_] } 1 .. $#costs), 'by cost');

my $short = $t->get('/llm/spend?group_by=virtual_key,model&limit=2&period=24h')
    ->{json};
is(scalar @{ $short->{rows} }, 2, 'two rows');
ok($short->{truncated}, 'and says that there are more');

for my $format (qw(csv ndjson)) {
    for my $case ([ 2, 'true' ], [ 10000, undef ]) {
        my ($limit, $says) = @$case;
        my $r = $t->get("/llm/spend?group_by=virtual_key,model&limit=$limit"
                        . "&period=24h&format=$format");
        is($r->{headers}{'x-llm-truncated'}, $says,
           "$format, $limit rows at most: are there more?");
    }
}

my $csv = $t->get('/llm/spend?group_by=virtual_key&format=csv&period=24h');
my ($head, @lines) = split /\r\n/, $csv->{body};
like($head, qr/^virtual_key,requests,/, 'CSV: its head');
is(scalar @lines, scalar keys %{{ map { (($_->{virtual_key} // '') => 1) }
                                  @log }}, 'CSV: a line each');
is($csv->{headers}{'content-type'}, 'text/csv; charset=utf-8', 'CSV: type');
like($csv->{headers}{'content-disposition'}, qr/llm-spend\.csv/, 'CSV: a file');

my @ndjson = map { json_decode($_) } split /\n/, $t->get(
    '/llm/spend?group_by=virtual_key&format=ndjson&period=24h')->{body};
is(scalar @ndjson, scalar @lines, 'NDJSON: a line each');

# statistics

my $stats = $t->get('/llm/stats?group_by=virtual_key&period=24h')->{json};

for my $row (@{ $stats->{rows} }) {
    my $name = $row->{virtual_key} // '';
    my @mine = grep { ($_->{virtual_key} // '') eq $name
                      && !defined $_->{refusal} } @log;
    my $errors = grep { defined $_->{error} } @mine;

    is($row->{requests}, scalar @mine, "$name: requests");
    is($row->{errors}, $errors, "$name: errors");
    cmp_ok(abs($row->{error_rate} - ($errors / (@mine || 1))), '<', 1e-3,
           "$name: error rate");

    my @latency = sort { $a <=> $b } map { $_->{latency_ms} } @mine;
    my $max = $latency[-1];
    cmp_ok(abs($row->{latency_ms}{max} - $max), '<=', 0.03 * $max + 1,
           "$name: the slowest");
    my $median = $latency[$#latency / 2];
    cmp_ok(abs($row->{latency_ms}{p50} - $median), '<=', 0.03 * $median + 1,
           "$name: the median");
}

# what is wrong

for my $case (
    [ 'colour=red', 'colour', qr/group_by.*interval/ ],
    [ 'status=200', 'status', qr/group_by/ ],
    [ 'group_by=colour', 'group_by', qr/virtual_key/ ],
    [ 'group_by=', 'group_by', qr/virtual_key/ ],
    [ 'group_by=tag,session', 'group_by', qr/one of/ ],
    [ 'interval=second', 'interval', qr/minute/ ],
    [ 'sort=latency', 'sort', qr/cost/ ], [ 'order=x', 'order', qr/asc/ ],
    [ 'limit=0', 'limit', qr/10000/ ], [ 'limit=10001', 'limit', qr/10000/ ],
    [ 'format=xml', 'format', qr/csv/ ], [ 'from=x', 'from', qr/2026/ ],
    [ 'from=now&to=-1d', 'to', qr/before/ ],
    [ 'team=a&team=b', 'team', qr/twice/ ],
) {
    my ($query, $field, $says) = @$case;

    for my $path (qw(spend stats)) {
        my $r = $t->get("/llm/$path?$query");
        is("$r->{status} $r->{json}{error}{field}", "400 $field",
           "$path?$query");
        like($r->{json}{error}{message}, $says, 'what it takes');
    }
}

is($t->post('/llm/spend', 'x')->{status}, 405, 'POST');

# the status page has links to what there is, here no dashboard

my $page = $t->get('/llm/', headers => { Accept => 'text/html' })->{body};
like($page, qr{<a href="spend\?group_by=team,model&amp;period=this_month">},
     'the status page links to a report');
unlike($page, qr/dashboard/, 'and to no dashboard');

$t->finish;
done_testing;
