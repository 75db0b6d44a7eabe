package LLM::Books;

# The gateway's books held against what the simulated Bedrock served: calls of
# random kinds, each with a tag of its own, and what of them is charged.

use strict;
use warnings;

use LLM::Test;
use POSIX ();
use Test::More;

my $path = invoke_path($LLM::Test::haiku);

# keys: secrets of virtual keys

sub new {
    my ($class, $t, @keys) = @_;

    return bless { t => $t, keys => \@keys, number => 0, last => 0, sum => 0,
                   row => {}, served => {},
                   price => { exact => 0, estimated => 0 } }, $class;
}

sub call {
    my ($self) = @_;

    my $tag = 'c' . ++$self->{number};
    my $key = $self->{keys}[rand @{ $self->{keys} }];
    my $streamed = rand > 0.5;
    my $text = sim(input => 10 + int rand 1000, output => 5 + int rand 300,
                   tag => $tag, ($streamed ? (chunks => 1 + int rand 8,
                                              delay_ms => int rand 30) : ()));

    return { path => $streamed ? "$path-with-response-stream" : $path,
             body => claude($text), timeout => 10,
             headers => { Authorization => "Bearer $key",
                          Connection => 'close', 'x-llm-tags' => $tag } };
}

# Sends calls from another process, so that this one can kill meanwhile; its
# pid.

sub load_begin {
    my ($self, $calls) = @_;

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDERR, '>', '/dev/null';
        eval { $self->{t}->load(16, map { $self->call } 1 .. $calls) };
        POSIX::_exit(0);
    }

    $self->{number} += $calls;

    return $pid;
}

sub settled {
    my ($self) = @_;

    return wait_for(sub {
        my $status = $self->{t}->status;
        return $status->{virtual_keys}
            && !grep { $_->{in_flight} } map { @{ $status->{$_} // [] } }
                   qw(virtual_keys providers);
    }, 30);
}

# The rows of the request log that were not there before, each once.

sub rows {
    my ($self) = @_;

    my $r = $self->{t}->get('/llm/logs?format=ndjson&limit=700');
    die "/llm/logs: $r->{status} $r->{body}\n" if $r->{status} != 200;

    my @rows = map { json_decode($_) }
        grep { /"seq":(\d+)/ && $1 > $self->{last} } split /\n/, $r->{body};
    my $first = $self->{last} + 1;

    $self->{last} = $rows[0]{seq} if @rows;
    die "rows are missing behind $first\n"
        if @rows != $self->{last} - $first + 1;

    return @rows;
}

# What is wrong with those, as lines of text.

sub look {
    my ($self) = @_;

    my @wrong;
    my @new = $self->rows;

    # what the gateway has read to its end was answered before that

    my $tags = @new ? $self->{t}->totals->{tags} : {};

    for my $row (@new) {
        my $tag = $row->{tags}[0] // 'none';
        my $truth = $tags->{$tag};

        push @wrong, "$tag is in the log twice" if $self->{row}{$tag}++;
        push @wrong, "$tag was never served but charged exactly"
            if !$truth && $row->{cost} && $row->{price} eq 'exact';
        push @wrong, "$tag: $row->{cost} instead of $truth->{cost_nano}"
            if $truth && $row->{price} eq 'exact'
            && LLM::Test::nano($row->{cost}) != $truth->{cost_nano};
        push @wrong, "$tag was served but is charged nothing"
            if $truth && !$row->{cost};

        $self->{sum} += LLM::Test::nano($row->{cost});
        $self->{price}{ $row->{price} }++ if $truth;
        $self->{served}{$tag}++ if $truth;
    }

    return @wrong;
}

# What is missing yet: a call in the log, or in the accounts of a tier.

sub missing {
    my ($self, $answered) = @_;

    my @missing = map { "$_ was served but is not in the log" }
        grep { !$self->{row}{$_} } sort keys %$answered;
    my $status = $self->{t}->status;

    for my $kind (qw(customers teams virtual_keys providers)) {
        my $spent = 0;
        $spent += LLM::Test::nano($_->{spent}{cost})
            for @{ $status->{$kind} // [] };
        push @missing, "$kind: $spent instead of $self->{sum}"
            if $spent != $self->{sum};
    }

    return @missing;
}

# A test: every call that was answered is charged, once, at its price or as
# estimated; each tier has the sum of the rows; and so has the store.

sub ok_all {
    my ($self, $name) = @_;

    my $t = $self->{t};
    my $answered = $t->totals->{tags};
    my (@wrong, @missing);

    wait_for(sub {
        push @wrong, $self->look;
        return !(@missing = $self->missing($answered)) }, 15);

    my $verify = `$LLM::Test::root/scripts/store verify $t->{prefix}/store 2>&1`;

    push @wrong, @missing, $? ? "scripts/store verify: $verify" : ();

    # what it counts from now on is new, or was under way and has its row

    $t->sim_control('reset', {});

    return is(scalar @wrong, 0, "$name: what was served is charged, once")
        || diag(join "\n", @wrong[0 .. ($#wrong > 9 ? 9 : $#wrong)]) && 0;
}

# After the last of them: there was enough to be seen.

sub ok_many {
    my ($self, $least) = @_;

    my $n = keys %{ $self->{served} };

    cmp_ok($n, '>', $least, "that is $n calls");
    cmp_ok($self->{price}{$_}, '>', 0, "$self->{price}{$_} charged as $_")
        for qw(exact estimated);

    return;
}

1;
