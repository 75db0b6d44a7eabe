#!/usr/bin/perl

# The ledger on disk: what was charged is there after every process was killed,
# with a full or read-only disk it waits in the journal, and what is damaged is
# said and not taken for anything else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $key = 'sk-test-store-0123456789';
my $path = invoke_path($LLM::Test::haiku);
my $stream = "$path-with-response-stream";
my @mounted;

END {
    my $status = $?;
    system("umount -l $_ 2>/dev/null") for @mounted;
    $? = $status;
}

# A gateway whose store is written so rarely that all is in the journal only.

sub gateway {
    my (%o) = @_;

    my $store = $o{store} // '%%PREFIX%%/store';
    my $more = $o{more} // 'sync=60s journal=%%PREFIX%%/journal';

    my $t = LLM::Test->gateway(workers => 2, http => <<"END");
    llm_store $store $more;
    llm_customer acme { llm_budget 100 1M; }
    llm_team ml { customer acme; llm_budget 50 1d; }
    llm_virtual_key tester { secret $key; team ml; llm_budget 10 1M; }
END

    push @{ $t->{allowed} }, qr/exited on signal 9/;

    return $t;
}

sub call {
    my ($t, %o) = @_;

    return $t->post($path, claude(sim(input => 100, output => 50)),
                    key => $key, %o)->{status};
}

sub settled {
    my ($t) = @_;

    return wait_for(sub { $t->held(virtual_key => 'tester') == 0 }, 10);
}

# the store is written once more

sub written {
    my ($t) = @_;

    my $before = $t->status->{store}{written} // '';

    return wait_for(sub {
        ($t->status->{store}{written} // '') ne $before }, 10);
}

# every process at once, as power or the kernel would

sub kill_all {
    my ($t) = @_;

    my $pid = delete $t->{pid}{nginx};
    kill 'KILL', -$pid;
    wait_for(sub { waitpid($pid, 1); LLM::Test::gone($pid) }, 10);
}

sub exact {
    my ($t, $what) = @_;

    my $cost = $t->totals->{cost_nano};
    is($t->spent($_->[0] => $_->[1]), $cost, "$what: $_->[0]")
        for [customer => 'acme'], [team => 'ml'], [virtual_key => 'tester'],
            [provider => 'main'];
}

sub start_fails {
    my ($t) = @_;

    my $conf = $t->write_conf;
    my $pid = $t->spawn('nginx', '/dev/null', $t->{nginx}, '-p', $t->{prefix},
                        '-c', $conf, '-e', "$t->{prefix}/logs/error.log");
    my $over = wait_for(sub { waitpid($pid, 1) > 0 || LLM::Test::gone($pid) },
                        20);
    $t->end('nginx', 'KILL', 2) unless $over;
    delete $t->{pid}{nginx};

    return $over;
}

# A store of another program, or an older one of ours: what LMDB has is well.

sub foreign {
    my ($file) = @_;

    open my $fh, '+<', $file or die "$file: $!";
    binmode $fh;
    local $/;
    my $data = <$fh>;
    $data =~ s/ngx_llm_gov \d/not_of_ours 7/g;
    seek $fh, 0, 0;
    print $fh $data;
    close $fh;

    return;
}

# What fails as a file system does after a crash: pages of zeros.

sub zero_pages {
    my ($file, $every) = @_;

    open my $fh, '+<', $file or die "$file: $!";
    binmode $fh;

    for (my $page = $every; $page < (-s $file) / 4096; $page += $every) {
        seek $fh, $page * 4096, 0;
        print $fh "\0" x 4096;
    }

    close $fh;

    return;
}

# A flipped bit in the middle of what a file has of this text.

sub damage {
    my ($file, $text) = @_;

    open my $fh, '+<', $file or die "$file: $!";
    binmode $fh;
    local $/;
    my $data = <$fh>;
    my $at = index $data, $text;
    return 0 if $at < 0;
    seek $fh, $at, 0;
    print $fh chr(ord(substr $data, $at, 1) ^ 0x40);
    close $fh;

    return 1;
}

# killed with everything in the journal and nothing in the store

{
    my $t = gateway();
    $t->start_sim->start;

    is(call($t), 200, "request $_") for 1 .. 10;
    settled($t);
    my $before = $t->status->{store};
    cmp_ok($before->{journal}{waiting_bytes} // 0, '>=', 0,
           'what waits in the journal is shown');

    for my $round (1 .. 3) {
        kill_all($t);
        $t->start;
        exact($t, "killed $round times");
        is($t->held(virtual_key => 'tester'), 0, 'nothing is held');
        is(call($t), 200, 'it serves');
        settled($t);
    }

    # in the middle of streams: each is charged once, as estimated

    my $body = json_encode(claude(sim(input => 100, output => 50, chunks => 20,
                                      delay_ms => 100)));
    my $spent = $t->spent(virtual_key => 'tester');
    my @socks = map {
        my $s = http_connect($t->port);
        http_send($s, "POST $stream HTTP/1.1\r\nHost: x\r\n"
            . "Authorization: Bearer $key\r\nContent-Length: " . length($body)
            . "\r\n\r\n$body");
        $s;
    } 1 .. 8;
    ok(wait_for(sub { $t->account(virtual_key => 'tester')->{in_flight} == 8 }),
       'eight streams');
    sleep 0.3;
    kill_all($t);
    close $_ for @socks;
    $t->start;

    cmp_ok($t->spent(virtual_key => 'tester'), '>', $spent,
           'what was under way is charged');
    is($t->status->{store}{recovered}, 8, 'each of them once');
    is($t->spent($_->[0] => $_->[1]), $t->spent(virtual_key => 'tester'),
       "to all tiers: $_->[0]")
        for [customer => 'acme'], [team => 'ml'], [provider => 'main'];

    $spent = $t->spent(virtual_key => 'tester');
    kill_all($t);
    $t->start;
    is($t->spent(virtual_key => 'tester'), $spent,
       'and not again after the next restart');

    # another folder for the journal: what the old one holds is not forgotten

    is(call($t), 200, 'a request');
    settled($t);
    my $cost = $t->spent(virtual_key => 'tester');
    kill_all($t);
    $t->{conf} =~ s{journal=%%PREFIX%%/journal}{journal=%%PREFIX%%/other};
    $t->start;
    is($t->spent(virtual_key => 'tester'), $cost,
       'the journal got another folder');

    $t->finish;
}

# the old workers' journal after a reload that changes its folder

{
    my $t = gateway(more => 'sync=100ms journal=%%PREFIX%%/journal');
    $t->start_sim->start;

    my $body = json_encode(claude(sim(input => 100, output => 50, chunks => 20,
                                      delay_ms => 100)));
    my $s = http_connect($t->port);
    http_send($s, "POST $stream HTTP/1.1\r\nHost: x\r\n"
        . "Authorization: Bearer $key\r\nContent-Length: " . length($body)
        . "\r\n\r\n$body");
    ok(wait_for(sub { $t->account(virtual_key => 'tester')->{in_flight} }),
       'a stream');

    (my $new = $t->{conf}) =~ s{PREFIX%%/journal}{PREFIX%%/other};
    ok($t->reload($new), 'a reload with another folder for the journal');
    ok(http_read($s)->{complete}, 'the stream comes to its end');
    settled($t);
    ok(wait_for(sub { $t->status->{store}{rows} == 1 }, 5),
       'what the old worker wrote is folded');

    kill_all($t);
    $t->start;
    exact($t, 'and not forgotten');
    $t->finish;
}

# a zone of another size: the old workers go on in the old one

{
    my $t = gateway(more => 'sync=100ms journal=%%PREFIX%%/journal');
    $t->start_sim->start;
    is(call($t), 200, "request $_") for 1 .. 3;
    settled($t);

    my $body = json_encode(claude(sim(input => 100, output => 50, chunks => 20,
                                      delay_ms => 100)));
    my $s = http_connect($t->port);
    http_send($s, "POST $stream HTTP/1.1\r\nHost: x\r\n"
        . "Authorization: Bearer $key\r\nContent-Length: " . length($body)
        . "\r\n\r\n$body");
    ok(wait_for(sub { $t->account(virtual_key => 'tester')->{in_flight} }),
       'a stream');

    $t->{zone} = '32m';
    ok($t->reload($t->{conf}), 'a reload with a larger zone');
    is(call($t), 200, 'a request in the new zone');
    ok(http_read($s)->{complete}, 'the stream comes to its end in the old one');
    ok(wait_for(sub { $t->spent(virtual_key => 'tester')
                      == $t->totals->{cost_nano} }, 10),
       'and counts in the new one');
    exact($t, 'exactly');
    is($t->account(virtual_key => 'tester')->{spent}{requests}, 5,
       'all five requests');

    kill_all($t);
    $t->start;
    exact($t, 'over a restart, too');
    is($t->account(virtual_key => 'tester')->{spent}{requests}, 5,
       'and the requests');
    $t->finish;
}

# another nginx begins with the same store, and does not see the journal of the
# first one: what is under way there is not taken for lost

{
    my $t = gateway(more => 'sync=100ms journal=%%PREFIX%%/journal');
    $t->start_sim->start;

    my $body = json_encode(claude(sim(input => 100, output => 50, chunks => 60,
                                      delay_ms => 100)));
    my $s = http_connect($t->port);
    http_send($s, "POST $stream HTTP/1.1\r\nHost: x\r\n"
        . "Authorization: Bearer $key\r\nContent-Length: " . length($body)
        . "\r\n\r\n$body");
    ok(wait_for(sub { $t->account(virtual_key => 'tester')->{in_flight} }),
       'a stream');
    ok(written($t) && written($t), 'which the store knows of');

    rename "$t->{prefix}/journal", "$t->{prefix}/elsewhere";
    my $other = gateway(store => "$t->{prefix}/store",
                        more => 'sync=100ms journal=%%PREFIX%%/journal');
    $other->{sim_port} = $t->{sim_port};
    $other->start;
    is(call($other), 200, 'another nginx serves from the same store');
    ok(http_read($s)->{complete}, 'the stream comes to its end');
    ok(wait_for(sub { $t->status->{store}{rows} == 1 }, 10),
       'the first one writes its row');
    is($_->status->{store}{recovered}, 0, 'nothing was taken for lost')
        for $t, $other;
    ok(wait_for(sub { my $nginx = $_;
                      $nginx->spent(customer => 'acme')
                      == $t->totals->{cost_nano} }, 10), 'charged once')
        for $t, $other;

    $other->finish;
    ok($t->quit, 'nginx ends');
    $t->start;
    exact($t, 'the store has each once');
    $t->finish;
}

# a store that cannot be written for a while

SKIP: {
    my $t = gateway(store => '%%PREFIX%%/disk/store',
                    more => 'sync=100ms journal=%%PREFIX%%/journal '
                        . 'journal_size=256k on_error=refuse');
    my $disk = "$t->{prefix}/disk";
    mkdir $disk;

    if (system("mount -t tmpfs -o size=1m,mode=0755 tmpfs $disk"
               . ' 2>/dev/null') != 0)
    {
        diag('SKIPPED: no file system may be mounted here, so that a full and '
             . 'a read-only disk are not tested');
        skip 'no file system may be mounted', 1;
    }

    push @mounted, $disk;
    push @{ $t->{allowed} }, qr/llm_store: could not open the store/;
    $t->start_sim;

    # full when the store is made, but for a page or two

    for my $pages (255, 254) {
        system("dd if=/dev/zero of=$disk/filler bs=4k count=$pages "
               . '2>/dev/null');
        ok(start_fails($t), 'a full disk: nginx does not start');
        unlink "$disk/filler";
    }

    like($t->error_log, qr/\[emerg\].*llm_store: could not .*make room/,
         'and says what to do');
    $t->start;

    is(call($t), 200, 'a request');
    settled($t);
    ok(wait_for(sub { $t->status->{store}{rows} == 1 }, 5), 'is written');

    # full

    system("dd if=/dev/zero of=$disk/filler bs=1k 2>/dev/null");
    is(call($t), 200, 'the disk is full, and a request is served');
    ok(wait_for(sub { ($t->status->{store}{error} // '') =~ /make room/ }, 10),
       'the status page says what to do')
        or diag(json_encode($t->status->{store}));
    like($t->error_log, qr/\[error\].*llm_store: could not .*make room.*journal/,
         'and so does the log');
    is(call($t), 200, 'another request');
    settled($t);
    exact($t, 'the counters go on');

    unlink "$disk/filler";
    ok(wait_for(sub { !$t->status->{store}{error}
                      && $t->status->{store}{rows} == 3 }, 15),
       'with room again nothing is lost')
        or diag(json_encode($t->status->{store}));
    like($t->error_log, qr/the journal is written again/, 'which is logged');

    # full, until the journal is full too: refused, because what it costs could
    # not be remembered

    system("dd if=/dev/zero of=$disk/filler bs=1k 2>/dev/null");
    my %count;
    for (1 .. 4) {
        my @results = $t->load(8, map { {
            path => $path, headers => { Authorization => "Bearer $key" },
            body => claude(sim(input => 10, output => 5)) } } 1 .. 300);
        $count{$_->{status}}++ for @results;
    }
    settled($t);
    ok($count{429}, 'a journal that is full refuses requests')
        or diag(json_encode(\%count));
    is($count{429} + $count{200}, 1200, 'and nothing else');
    exact($t, 'what was let through is charged');

    unlink "$disk/filler";
    ok(wait_for(sub { call($t) == 200 }, 20), 'with room again it goes on');
    settled($t);
    exact($t, 'exactly');

    # read-only when it starts

    ok($t->quit, 'nginx ends');
    system("mount -o remount,ro $disk");
    ok(start_fails($t), 'a read-only disk: nginx does not start');
    like($t->error_log,
         qr/\[emerg\].*llm_store: could not .*Read-only.*be writable/,
         'and says what to do');
    system("mount -o remount,rw $disk");
    $t->start;
    exact($t, 'nothing is lost over a restart');

    # the disk is full when it starts

    is(call($t), 200, 'a request');
    settled($t);
    my $rows = $t->totals->{cost_nano};
    system("dd if=/dev/zero of=$disk/filler bs=1k 2>/dev/null");
    kill_all($t);
    $t->start;
    is(call($t), 200, 'it starts with a full disk');
    unlink "$disk/filler";
    ok(wait_for(sub { $t->spent(customer => 'acme')
                      == $t->totals->{cost_nano} }, 15),
       'and what was in the journal counts as soon as it can')
        or diag($t->spent(customer => 'acme') . ' ' . $t->totals->{cost_nano});

    $t->finish;
}

# a damaged segment of the journal

{
    my $t = gateway();
    $t->start_sim->start;

    is($t->post($path, claude(sim(input => 100, output => 50)), key => $key,
                headers => { 'User-Agent' => "agent-number-$_" })->{status},
       200, "request $_") for 1 .. 6;
    settled($t);
    my $spent = $t->spent(virtual_key => 'tester');
    kill_all($t);

    # the settled record of the third request: its hold is left

    my $damaged = 0;
    for my $file (glob "$t->{prefix}/journal/*.journal") {
        open my $fh, '+<', $file or die;
        binmode $fh;
        local $/;
        my $data = <$fh>;
        my $at = rindex $data, 'agent-number-3';
        next if $at < 0;
        seek $fh, $at, 0;
        print $fh 'A';
        close $fh;
        $damaged++;
    }
    is($damaged, 1, 'a record is damaged');

    $t->start;
    like($t->error_log, qr/\d+ bytes of the journal are damaged/,
         'which is logged');
    cmp_ok($t->status->{store}{journal}{lost_bytes}, '>', 0, 'and shown');
    is($t->status->{store}{recovered}, 1,
       'its request is charged as estimated, as its hold is left');
    cmp_ok($t->spent(virtual_key => 'tester'), '>=', $spent * 5 / 6,
           'the others count');
    is(call($t), 200, 'it serves');

    $t->finish;
}

# a damaged or foreign store

for my $kind (qw(garbage cut foreign)) {
    my $t = gateway();
    $t->start_sim->start;
    is(call($t), 200, 'a request');
    settled($t);
    ok($t->quit, 'nginx ends');

    my $file = "$t->{prefix}/store/data.mdb";
    my $size = -s $file;

    if ($kind eq 'garbage') {
        open my $fh, '>', $file or die;
        print $fh 'x' x $size;
        close $fh;

    } elsif ($kind eq 'foreign') {
        foreign($file);

    } else {
        truncate $file, 3 * 4096;
    }

    push @{ $t->{allowed} }, qr/llm_store: could not open the store/;
    ok(start_fails($t), "a store that is damaged ($kind): nginx does not start");
    like($t->error_log,
         qr/\[emerg\].*llm_store: could not open the store "\S+": .*put a backup in its place, or move the folder away/,
         'and says what to do');

    rename "$t->{prefix}/store", "$t->{prefix}/aside";
    $t->start;
    is(call($t), 200, 'with the folder moved away it starts');
    $t->finish;
}

# more than the map that it begins with, while a worker reads it

{
    my $t = LLM::Test->gateway(http => <<"END");
    llm_store %%PREFIX%%/store sync=50ms journal=%%PREFIX%%/journal
              journal_size=32m;
    llm_virtual_key tester { secret $key; llm_log_content request size=1m; }
END
    $t->start_sim->start;

    my $file = "$t->{prefix}/store/data.mdb";
    my $body = claude(sim(input => 100, output => 50), system => 'x' x 950_000);
    my ($calls, $bad) = (0, 0);

    # one after another: what is asked is only kept where the journal has room

    while (-s $file < 70 * 1024 * 1024 && $calls < 100) {
        $bad++ if $t->post($path, $body, key => $key)->{status} != 200;
        $bad++ if $t->get('/llm/logs?limit=1')->{status} != 200;
        $calls++;
        wait_for(sub { $t->status->{store}{rows} == $calls }, 30);
    }

    is($t->status->{store}{journal}{content_left_out}, 0,
       'all that was asked is kept');
    cmp_ok(-s $file, '>', 64 * 1024 * 1024, "the store has grown, $calls calls");
    is($bad, 0, 'calls and queries did not notice');
    is($t->status->{store}{rows}, $calls, 'it has all of them');
    is($t->status->{store}{error}, undef, 'without an error');
    is($t->spent(virtual_key => 'tester'), $t->totals->{cost_nano}, 'exactly');
    $t->finish;
}

# pages of zeros in the middle of it: it does not start, or says what it cannot
# read, and no process dies of it

{
    my $t = gateway(more => 'sync=100ms journal=%%PREFIX%%/journal');
    $t->start_sim->start;
    $t->load(8, map { {
        path => $path, headers => { Authorization => "Bearer $key" },
        body => claude(sim(input => 10, output => 5)) } } 1 .. 600);
    settled($t);
    ok($t->quit, 'nginx ends');

    my $file = "$t->{prefix}/store/data.mdb";
    system("cp $file $file.good");
    push @{ $t->{allowed} }, qr/llm_store: could not/;
    my ($failed, $said) = (0, 0);

    for my $every (2, 3, 5, 7, 11, 13) {
        system("cp $file.good $file");
        zero_pages($file, $every);

        my $verify = `$LLM::Test::root/scripts/store verify $t->{prefix}/store 2>&1`;
        isnt($?, 0, "each ${every}th page is lost: \"verify\" finds it");
        unlike($verify, qr/Assert|Abort/, 'and does not die of it');

        truncate "$t->{prefix}/logs/error.log", 0;
        my $conf = $t->write_conf;
        my $pid = $t->spawn('nginx', '/dev/null', $t->{nginx}, '-p',
                            $t->{prefix}, '-c', $conf, '-e',
                            "$t->{prefix}/logs/error.log");
        my $status;
        wait_for(sub { waitpid($pid, 1) > 0 ? ($status = $?, 1)[1]
                       : eval { $t->status->{store} } }, 20);

        if (defined $status) {
            is($status, 256, 'nginx does not start');
            like($t->error_log, qr/llm_store: could not .* damaged/,
                 'and says why');
            delete $t->{pid}{nginx};
            $failed++;
            next;
        }

        is(call($t), 200, 'nginx starts, and serves');
        my @got = map { $t->get($_)->{status} } '/llm/logs?limit=1000',
            '/llm/spend?group_by=team', '/llm/stats?group_by=team',
            '/llm/logs?limit=1000';
        ok(!(grep { !/^(?:200|500|503)$/ } @got), "queries say so: @got");
        ok(wait_for(sub { $t->status->{store}{error}
                          || $t->status->{store}{rows} }, 10),
           'its store is written, or the status says why not');
        unlike($t->error_log, qr/exited on signal/, 'and nobody dies of it');
        $said += grep { $_ != 200 } @got;
        kill_all($t);
    }

    cmp_ok($failed + $said, '>', 0, 'it was found');
    system("cp $file.good $file");
    $t->start;
    is(call($t), 200, 'with the file as it was all is well');
    $t->finish;
}

# what lies in the journal's folder and is no segment, or is cut or overwritten

{
    my $t = gateway();
    $t->start_sim->start;
    is(call($t), 200, "request $_") for 1 .. 4;
    settled($t);
    my $cost = $t->totals->{cost_nano};
    kill_all($t);

    my $dir = "$t->{prefix}/journal";
    my ($first) = sort glob "$dir/*.journal";
    my $size = -s $first;

    # two workers and two more: those that hold nothing may be lost

    my %used = map { ($_ => 1) } grep {
        LLM::Test::slurp($_) =~ /tester/ } glob "$dir/*.journal";
    my @free = grep { !$used{$_} } sort glob "$dir/*.journal";
    cmp_ok(scalar @free, '>=', 2, 'some segments hold nothing');
    truncate $free[0], 5000;
    open my $fh, '+<', $free[1] or die;
    print $fh "\0" x 4096;
    close $fh;
    open $fh, '>', "$dir/0777.journal" or die;
    print $fh 'x' x $size;
    close $fh;
    symlink '/etc/passwd', "$dir/0778.journal";

    $t->start;
    like($t->error_log, qr/\[error\].*\d{4}.journal" is skipped: .*; move it/,
         'what is none is skipped, which is said');
    exact($t, 'what the others held is charged');
    is(call($t), 200, 'it serves');
    $t->finish;
}

# a file of the journal is cut or its header is lost while nginx runs

for my $kind (qw(cut header)) {
    my $t = gateway(more => 'sync=100ms journal=%%PREFIX%%/journal');
    push @{ $t->{allowed} }, qr/exited on signal 7/;
    $t->start_sim->start;
    is(call($t), 200, "$kind: request $_") for 1 .. 4;
    settled($t);
    ok(written($t) && written($t), 'all is in the store');

    # and some more is not

    my $manager = $t->manager;
    kill 'STOP', $manager;
    call($t) for 1 .. 4;

    for my $file (grep { LLM::Test::slurp($_) =~ /tester/ }
                  glob "$t->{prefix}/journal/*.journal")
    {
        if ($kind eq 'cut') {
            truncate $file, 5000;

        } else {
            open my $fh, '+<', $file or die;
            print $fh "\0" x 4096;
            close $fh;
        }
    }

    kill 'CONT', $manager;
    ok(wait_for(sub { $t->error_log =~ /journal" is skipped: .*; move it/ },
                10), 'which is said') if $kind eq 'cut';

    my %count;
    $count{ call($t) // 0 }++ for 1 .. 40;
    ok($t->reload, 'a reload');
    ok(wait_for(sub { call($t) == 200 }, 10), 'it serves, or does so again')
        or diag(json_encode(\%count));
    settled($t);
    ok(wait_for(sub { $t->status->{store}{written}
                      && !$t->status->{store}{error} }, 5),
       'the store is written')
        or diag(json_encode($t->status->{store}));
    my $rows = $t->status->{store}{rows};
    is(call($t), 200, 'one more call');
    ok(wait_for(sub { $t->status->{store}{rows} > $rows }, 10),
       'is in the log');
    unlike($t->error_log, qr/data\.mdb in \S+ is damaged/,
           'which is not taken for damaged');
    $t->finish;
}

done_testing;
