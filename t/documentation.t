#!/usr/bin/perl

# The documentation names what there is, and nothing else: directives with
# their contexts, variables, metrics, filters, messages of the error log.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;

my $root = $LLM::Test::root;

sub page { return LLM::Test::slurp("$root/docs/$_[0].md") }

my %source = map { ($_ => LLM::Test::slurp($_)) }
    map { glob "$root/ngx_llm_gov_module/$_" } qw(*.c */*.[ch] */*/*.[ch]);

sub source { return $source{"$root/ngx_llm_gov_module/$_[0]"} }

sub same {
    my ($name, $documented, $there) = @_;

    my %documented = map { ($_ => 1) } @$documented;
    my %there = map { ($_ => 1) } @$there;

    cmp_ok(scalar(keys %there), '>', 5, "$name: there are some");
    is(join(' ', grep { !$documented{$_} } sort keys %there), '',
       "$name: each is documented");
    is(join(' ', grep { !$there{$_} } sort keys %documented), '',
       "$name: what is documented exists");
}

# directives, and where they are allowed

my $directives = page('directives');
my %section = map {
    /\A([a-z_0-9]+)(?: \(of a \w+\))?\n(.*)/s ? ($1 => $2) : ()
} split /^### /m, $directives;

my %context;
my $main = source('ngx_http_llm_gov_module.c');

while ($main =~ /\{ ngx_string\("(\w+)"\),\s+(\w+)\S*,\s+(\w+)/g) {
    my ($name, $where, $set) = ($1, $2, $3);
    next if $set eq 'ngx_http_llm_misplaced';
    $context{$name} = $where eq 'NGX_HTTP_MAIN_CONF' ? 'http'
        : $where eq 'NGX_HTTP_LOC_CONF' ? 'location'
        : 'http, server, location';
}

my %nested = map { ($_ => 1) }
    map { source($_) =~ /\{ ngx_string\("([a-z_0-9]+)"\), \d/g }
    qw(governance/tenants.c providers/provider.c providers/route.c);

same('directives', [ keys %section ], [ keys %context, keys %nested ]);

for my $name (sort keys %section) {
    my ($said) = $section{$name} =~ /^    Context:  (.+)$/m;

    like($section{$name}, qr/^    Syntax:   .*\n(?:     +.*\n)*    Default:  /m,
         "$name: syntax and default");
    ok(defined $said, "$name: context") or next;
    like($said, qr/^\Q$context{$name}\E\b/, "$name: which it has")
        if defined $context{$name};
    like($directives, qr/\[\Q$name\E(?: \(\w+\))?\]\(#\Q$name\E/,
         "$name: is in the index");
}

# variables

same('variables', [ $directives =~ /^\| `\$llm_(\w+)` \|/mg ],
     [ source('request/variables.c')
       =~ /^    NGX_HTTP_LLM_VARIABLE\("(\w+)"/mg ]);

# filters: scripts/store tells them all

my ($filters) = `$root/scripts/store export . nonsense=1 2>&1`
    =~ /there are (.*)/;
my ($logs) = page('api') =~ m{^## /llm/logs\n(.*?)^## }ms;
my %word = map { ($_ => 1) } $logs =~ /`(\w+)`/g;

is(join(' ', grep { !$word{$_} && !$word{s/_m(?:in|ax)$//r} }
        split /, /, $filters // 'none'), '', 'each filter is documented');

# metrics

my $t = LLM::Test->gateway(http => "
    llm_store %%PREFIX%%/store;
    llm_alert 50% url=http://127.0.0.1:1/;
    llm_virtual_key k { secret sk-test-documentation-0123; llm_budget 1 1d; }");

$t->start_sim->start;
is($t->post(LLM::Test::invoke_path($LLM::Test::haiku), claude('Hi'),
            key => 'sk-test-documentation-0123')->{status}, 200, 'a request');

same('metrics', [ page('metrics') =~ /^\| `(\w+)` \| (?:gauge|count|histo)/mg ],
     [ $t->get('/metrics')->{body} =~ /^# TYPE llm_(\w+) /mg ]);

$t->finish;

# messages: their fixed parts are in the source

my $text = join "\n", values %source;
$text =~ s/"\s*\n\s*"//g;
$text =~ s/\\"/"/g;

my ($messages) = page('operations')
    =~ /^## Messages in the error log\n(.*?)^## /ms;

for my $cell ($messages =~ /^\| (`.*?) \| /mg) {
    for my $message ($cell =~ /`([^`]+)`/g) {

        # "llm_store: " is put before what the store says itself

        (my $fixed = $message) =~ s/^llm_store: (?:the journal: )?//;
        my @missing = grep { length > 2 && index($text, $_) < 0 }
            map { s/^\s+|\s+$//gr }
            split /…|"x"|\bn\b|\b2000\b|\bcould (?:not )?/, $fixed;
        is(join('|', @missing), '', "message: $message");
    }
}

done_testing;
