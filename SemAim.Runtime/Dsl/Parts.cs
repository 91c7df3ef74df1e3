namespace SemAim.Dsl;

/// <summary>The parts that <see cref="Sym.Split"/> makes; take them apart with a deconstruction.</summary>
public readonly struct Parts(Sym[] parts)
{
    /// <summary>Two parts.</summary>
    public void Deconstruct(out Sym a, out Sym b) => (a, b) = parts is [var x, var y] ? (x, y) : throw Wrong(2);

    /// <summary>Three parts.</summary>
    public void Deconstruct(out Sym a, out Sym b, out Sym c) => (a, b, c) = parts is [var x, var y, var z] ? (x, y, z) : throw Wrong(3);

    /// <summary>Four parts.</summary>
    public void Deconstruct(out Sym a, out Sym b, out Sym c, out Sym d) => (a, b, c, d) = parts is [var x, var y, var z, var w] ? (x, y, z, w) : throw Wrong(4);

    private ArgumentException Wrong(int taken) => new($"the pattern makes {parts.Length} parts, {taken} are taken");
}
