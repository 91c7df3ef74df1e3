using System.Text;

namespace SemAim.RandomModules;

/// <summary>A source that nobody wrote: one to three modules that use each other, right as far as the generator knows, but for one slip where there is one.</summary>
/// <param name="Slip">the kind of slip; null: right by construction</param>
/// <param name="Place">where the slip stands in the text; (0, 0) where none was made</param>
internal sealed record RandomProgram(int Seed, string Name, string Text, string? Slip, (int Start, int End) Place)
{
    private const int MostModules = 3;

    /// <summary>Two of three programs have a slip.</summary>
    internal static RandomProgram Of(int seed)
    {
        var random = new Random(seed);
        var shape = random.Next();
        if (random.Next(3) == 0) return Write(seed, shape, new Slip(-1, 0));
        var dry = new Slip(-1, 0);
        Write(seed, shape, dry);
        return Write(seed, shape, new Slip(random.Next(dry.Places), random.Next()));
    }

    private static RandomProgram Write(int seed, int shape, Slip slip)
    {
        var random = new Random(shape);
        var name = $"R{seed}";
        var modules = new List<ModuleWriter>();
        var text = new StringBuilder($"using System;\nusing SemAim.Dsl;\nusing static SemAim.Dsl.Ops;\n\nnamespace {name};\n\npublic enum Act {{ Gelu, Relu }}\n");
        var count = random.Next(1, MostModules + 1);
        for (var i = 0; i < count; i++)
        {
            var module = new ModuleWriter(((char)('X' + i)).ToString() + "Net", random, slip, [.. modules], isBlock: i < count - 1 && random.Next(3) > 0);
            modules.Add(module);
            text.Append('\n').Append(module.Text);
        }
        return Finished(seed, name, text.ToString(), slip.Kind);
    }

    // a slip in an expression that nothing came to use is none
    private static RandomProgram Finished(int seed, string name, string marked, string? kind)
    {
        var start = marked.IndexOf(RandomModules.Slip.Begin, StringComparison.Ordinal);
        var end = marked.IndexOf(RandomModules.Slip.End, StringComparison.Ordinal) - 1;
        var text = marked.Replace(RandomModules.Slip.Begin.ToString(), "").Replace(RandomModules.Slip.End.ToString(), "");
        return new(seed, name, text, start < 0 ? null : kind, start < 0 ? (0, 0) : (start, end));
    }
}
