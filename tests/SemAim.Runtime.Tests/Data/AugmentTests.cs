using SemAim.Runtime.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tests.Data;

/// <summary>RandAugment's grammar and choice, ColorJitter, erasing, mixing: what the recorded numbers do not show.</summary>
public sealed unsafe class AugmentTests
{
    [Fact]
    public void The_grammar_of_RandAugment_is_timms()
    {
        Assert.Equal(new RandAugmentOptions(), RandAugmentOptions.Parse("rand-m9-mstd0.5-inc1"));
        Assert.Equal(new RandAugmentOptions(10, 0, Increasing: false), RandAugmentOptions.Parse("rand"));
        Assert.Equal(new RandAugmentOptions(7, 0, 3, Increasing: false, Weighted: true), RandAugmentOptions.Parse("rand-n3-m7-w0"));
        Assert.Equal(new RandAugmentOptions(10, 0), RandAugmentOptions.Parse("rand-inc0"));
        Assert.Null(RandAugmentOptions.Parse(""));
    }

    [Theory]
    [InlineData("rand-m9-x1", "'x1'")]
    [InlineData("rand-m11", "'m11'")]
    [InlineData("rand-m", "'m'")]
    [InlineData("rand-w1", "'w1'")]
    [InlineData("rand-inc1-w0", "leave out inc")]
    [InlineData("augmix-m5", "augmix policy is not built in")]
    [InlineData("random", "rand-mN")]
    public void What_is_not_of_the_grammar_is_refused_by_name(string specification, string said)
        => Assert.Contains(said, Assert.Throws<UsageException>(() => RandAugmentOptions.Parse(specification)).Message);

    [Fact]
    public void Weighted_choice_takes_no_operation_twice_and_follows_the_weights()
    {
        var counts = new int[15];
        Span<int> chosen = stackalloc int[2];
        for (var i = 0; i < 20000; i++)
        {
            var rng = new SampleRng(5, 0, (ulong)i, RngStream.Augment);
            RandAugment.Choose(ref rng, true, chosen);
            Assert.NotEqual(chosen[0], chosen[1]);
            counts[chosen[0]]++;
        }

        Assert.Equal(0, counts[(int)AugmentOp.Invert] + counts[(int)AugmentOp.Posterize]);
        Assert.Equal(0.3, counts[(int)AugmentOp.Rotate] / 20000.0, 0.02);
        Assert.Equal(0.2, counts[(int)AugmentOp.ShearX] / 20000.0, 0.02);
    }

    [Fact]
    public void ColorJitter_is_three_enhancers_in_random_order_with_factors_in_range()
    {
        byte[] start = new byte[16 * 4 + 64], a = new byte[start.Length], b = new byte[start.Length], s = new byte[start.Length];
        new Random(3).NextBytes(start);
        var orders = new HashSet<string>();
        fixed (byte* p = a, q = b, t = s)
        {
            for (var i = 0; i < 200; i++)
            {
                var applied = new List<(AugmentOp Op, double Factor)>();
                var rng = new SampleRng(9, 0, (ulong)i, RngStream.Augment);
                start.CopyTo(a, 0);
                var jittered = new Span<byte>(new ColorJitter(0.4, 16) { Applied = (op, f) => applied.Add((op, f)) }.Apply(ref rng, p, q, t), 64).ToArray();
                orders.Add(string.Join(' ', applied.Select(o => o.Op)));
                Assert.All(applied, o => Assert.InRange(o.Factor, 0.6, 1.4));

                start.CopyTo(a, 0);
                var (ops, x, y) = (new RandAugment(new RandAugmentOptions(), 4, 4), a, b);
                foreach (var (op, factor) in applied)
                {
                    fixed (byte* from = x, to = y) ops.ApplyOne(op, factor, from, to, t);
                    (x, y) = (y, x);
                }
                for (var k = 0; k < 64; k++) if (k % 4 != 3) Assert.Equal(x[k], jittered[k]);
            }
        }

        Assert.Equal(6, orders.Count);
    }

    [Theory]
    [InlineData(nameof(ErasingMode.Pixel))]
    [InlineData(nameof(ErasingMode.Rand))]
    [InlineData(nameof(ErasingMode.Const))]
    public void Erasing_fills_only_its_rectangles_and_depends_on_the_sample_alone(string name)
    {
        using var scope = NewDisposeScope();
        var mode = Enum.Parse<ErasingMode>(name);
        RowInfo[] rows = [Row(4), Row(5), Row(6)];
        var x = full([3, 3, 32, 32], 7f);
        RandomErasing.Fill(x, rows, mode, 11);
        var alone = full([1, 3, 32, 32], 7f);
        RandomErasing.Fill(alone, [rows[2]], mode, 11);

        Assert.True(x[2].Equals(alone[0]), "the same sample in another batch");
        for (var row = 0; row < 3; row++)
        {
            var inside = zeros([32, 32], ScalarType.Bool);
            foreach (var box in rows[row].Erase) inside.narrow(0, box.Y, box.Height).narrow(1, box.X, box.Width).fill_(true);
            Assert.True(inside.any().item<bool>());
            Assert.True((x[row].masked_select(~inside) == 7).all().item<bool>());
            var erased = x[row, 0].masked_select(inside);
            if (mode == ErasingMode.Const) Assert.True((erased == 0).all().item<bool>());
            else if (mode == ErasingMode.Pixel) Assert.InRange(erased.std().item<float>(), 0.6f, 1.5f);
            else Assert.Equal(rows[row].Erase.Length, (int)erased.unique().output.numel());
            if (mode != ErasingMode.Const) Assert.False(x[0].Equals(x[1]));
        }
    }

    private static RowInfo Row(int index)
    {
        var info = new RowInfo();
        info.Reset(new SampleKey(2, index), 0);
        var rng = new SampleRng(1, 2, (ulong)index, RngStream.Erasing);
        info.Erased(RandomErasing.Boxes(ref rng, 32, 32, 1, 1, info.EraseRoom(1)));
        return info;
    }

    [Theory]
    [InlineData(nameof(MixMode.Batch), 1)]
    [InlineData(nameof(MixMode.Pair), 4)]
    [InlineData(nameof(MixMode.Elem), 8)]
    public void Mixes_are_drawn_for_the_batch_the_pair_or_the_row(string mode, int draws)
    {
        var options = new MixOptions(Mode: Enum.Parse<MixMode>(mode));

        var drawn = Mixing.Draw(options, 3, 1, 17, 8, 32, 24);

        Assert.Equal(draws, drawn.Length);
        Assert.Equal(drawn, Mixing.Draw(options, 3, 1, 17, 8, 32, 24));
        Assert.NotEqual(drawn, Mixing.Draw(options, 3, 1, 18, 8, 32, 24));
        Assert.Throws<ArgumentException>(() => Mixing.Draw(options, 3, 1, 17, 7, 32, 24));
    }

    [Fact]
    public void Half_of_the_mixes_are_CutMix_and_lambda_is_what_is_left_of_the_picture()
    {
        var all = Mixing.Draw(new MixOptions(0.8, 1, Mode: MixMode.Elem), 1, 0, 0, 20000, 32, 24);

        var cut = all.Where(d => d.Cut is not null).ToList();
        Assert.Equal(0.5, cut.Count / 20000.0, 0.015);
        Assert.All(cut, d => Assert.Equal((float)(1 - (double)d.Cut!.Value.Width * d.Cut.Value.Height / (32 * 24)), d.Lambda));
        var mixed = all.Where(d => d.Cut is null).Select(d => d.Lambda).ToList();
        Assert.Equal(0.5, mixed.Average(), 0.015);
        Assert.Equal(1 / (4 * (2 * 0.8 + 1)), mixed.Average(l => (l - 0.5) * (l - 0.5)), 0.005);      // variance of Beta(α, α)
        Assert.All(Mixing.Draw(new MixOptions(Probability: 0, Mode: MixMode.Elem), 1, 0, 0, 100, 32, 24), d => Assert.Equal(new MixDraw(1, null), d));
    }

    [Fact]
    public void Bounds_of_CutMix_bound_its_sides()
    {
        var all = Mixing.Draw(new MixOptions(0, 0, CutMixMinMax: (0.25, 0.75), Mode: MixMode.Elem), 1, 0, 0, 4000, 32, 24);

        var boxes = all.Select(d => d.Cut!.Value).ToList();
        Assert.Equal((8, 23), (boxes.Min(b => b.Width), boxes.Max(b => b.Width)));
        Assert.Equal((6, 17), (boxes.Min(b => b.Height), boxes.Max(b => b.Height)));
        Assert.All(boxes, b => Assert.True(b.X + b.Width <= 32 && b.Y + b.Height <= 24));
    }

    [Fact]
    public void Mixing_leaves_no_tensor_behind()
    {
        using var scope = NewDisposeScope();                    // counts what is made on this thread; the process's count moves with other tests
        using var x = rand(4, 3, 8, 8);
        using var labels = tensor(new long[] { 0, 1, 2, 0 });
        var before = scope.DisposablesCount;
        foreach (var mode in Enum.GetValues<MixMode>())
        {
            var draws = Mixing.Draw(new MixOptions(Mode: mode), 1, 0, 0, 4, 8, 8);
            Mixing.Apply(x, mode, draws);
            Mixing.Targets(labels, mode, draws, 3, 0.1).Dispose();
            RandomErasing.Fill(x, [], ErasingMode.Pixel, 1);
        }

        Assert.Equal(before, scope.DisposablesCount);
    }
}
